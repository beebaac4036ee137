// Checks the types of all sources: those of Node.js, of each other platform, and the engine's language.
import { compile } from "./processes.mjs";

for (const part of ["", ".engine", ".moddable", ".espruino", ".page"]) await compile(`tsconfig${part}.json`);
