/**
 * The simulator has no pins: it prints.
 *
 * @param {boolean} isOn
 */
export function setOutput(isOn) {
  trace(`the output is ${isOn ? "on" : "off"}\n`);
}
