import { moddableDigest } from "chisme/platform/moddable-digest";
import { watchContact } from "contact";
import { whenJoined } from "node";
import { Vouchers } from "./app.js";

const LIFETIME_MS = 30 * 24 * 3600 * 1000;
const MINUTES = 60;
/** Without those that look alike. */
const LETTERS = "ABCDEFGHKLMNPQRSTUVWXYZ23456789";

// The box at the reception: its button makes a voucher, and a printer prints the code.
whenJoined((options) => {
  const vouchers = new Vouchers({ ...options, digest: moddableDigest() }, LIFETIME_MS, () => undefined);
  watchContact((isClosed) => {
    if (!isClosed) return;
    const code = makeCode();
    vouchers.make(code, MINUTES);
    trace(`voucher ${code}, ${vouchers.entries().length} in all\n`);
  });
  return vouchers.gossip;
});

/** ESP32's `Math.random` is that of the hardware; the simulator's repeats at each start. */
function makeCode() {
  let code = "";
  for (let i = 0; i < 8; i++) code += LETTERS[Math.floor(Math.random() * LETTERS.length)];
  return code;
}
