import { randomBytes } from "node:crypto";
import { Command } from "commander";
import { KEY_BYTES } from "../../src/sealing/block-cipher.js";
import { formatKey } from "../../src/sealing/key.js";

/** Goes to standard error, so that `chisme key > key.txt` writes the key alone. */
const ADVICE = "Give this key to all nodes of the network, as the option `key`, and keep it secret.";

/** `chisme key`. */
export function keyCommand(): Command {
  return new Command("key")
    .description("Print a new random key for sealing, as 64 hexadecimal digits.")
    .showHelpAfterError("(chisme key takes no options)")
    .action(() => {
      console.log(formatKey(randomBytes(KEY_BYTES)));
      console.error(ADVICE);
    });
}
