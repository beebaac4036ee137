import Digital from "embedded:io/digital";
import config from "mc/config";

/** @type {Digital | undefined} */
let digital;

/**
 * Sets the pin `outputPin`: a relay, a buzzer or a lamp.
 *
 * @param {boolean} isOn
 */
export function setOutput(isOn) {
  digital ??= new Digital({ pin: Number(config.outputPin), mode: Digital.Output });
  digital.write(isOn ? 1 : 0);
}
