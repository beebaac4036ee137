import Poco from "commodetto/Poco";
import parseBMF from "commodetto/parseBMF";
import Resource from "Resource";

const poco = new Poco(screen, { displayListLength: 4096 });
const font = parseBMF(new Resource("OpenSans-Semibold-18.bf4"));
const white = poco.makeColor(255, 255, 255);
const black = poco.makeColor(0, 0, 0);

/**
 * Draws lines of text from the top of the screen, as many as it has room for.
 *
 * @param {string[]} lines
 */
export function showLines(lines) {
  poco.begin();
  poco.fillRectangle(black, 0, 0, poco.width, poco.height);
  lines.slice(0, Math.floor(poco.height / font.height)).forEach((line, index) => {
    poco.drawText(line, font, white, 2, index * font.height, poco.width - 4);
  });
  poco.end();
}
