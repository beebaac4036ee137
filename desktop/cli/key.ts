import { randomBytes } from "node:crypto";
import { Command } from "commander";
import { KEY_BYTES } from "../../src/sealing/block-cipher.js";
import { formatKey } from "../../src/sealing/key.js";

/** On standard error, so that `chisme key > key.txt` holds the key alone. */
const ADVICE = "Give all nodes of a network this key, as the option `key`, and keep it where strangers can't read it.";

/** `chisme key`. */
export function keyCommand(): Command {
  return new Command("key")
    .description("Print a new random key for sealing: 64 hex digits.")
    .showHelpAfterError("(chisme key takes no options)")
    .action(() => {
      console.log(formatKey(randomBytes(KEY_BYTES)));
      console.error(ADVICE);
    });
}
