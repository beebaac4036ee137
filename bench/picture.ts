import { writeFileSync } from "node:fs";
import { drawPicture } from "./picture-run.js";

/* Draws the picture of `npm start` for README.md anew. */
writeFileSync(new URL("../docs/start.svg", import.meta.url), await drawPicture());
