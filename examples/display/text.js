/**
 * For boards without a screen: prints the lines in xsbug.
 *
 * @param {string[]} lines
 */
export function showLines(lines) {
  trace(`${lines.join("\n")}\n\n`);
}
