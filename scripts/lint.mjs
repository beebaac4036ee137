// Checks all sources: `style` by ESLint, the rules of `imports`, `types`, and the comments of the public API as `docs`.
// Without an argument it does all four, the others beside ESLint, which takes longest.
import { all, compile, run } from "./processes.mjs";

const checks = {
  style: () => run("eslint", "eslint", ".", "--max-warnings", "0"),
  imports: () => run("dependency-cruiser", "depcruise", "--config", ".dependency-cruiser.cjs",
    "src", "desktop", "bench", "fuzz", "boards", "examples"),
  /** What runs on Node.js, the language that all engines share, and what runs on each other platform. */
  types: async () => {
    for (const part of ["", ".engine", ".moddable", ".espruino", ".page"]) await compile(`tsconfig${part}.json`);
  },
  docs: () => run("typedoc", "typedoc"),
};

/** All checks, each with one process at a time beside ESLint. */
export async function lint() {
  const { style, ...others } = checks;
  const oneByOne = async () => {
    for (const check of Object.values(others)) await check();
  };
  await all(style(), oneByOne());
}

if (process.argv[1] === import.meta.filename) {
  const [only] = process.argv.slice(2);
  await (only === undefined ? lint() : checks[only]());
}
