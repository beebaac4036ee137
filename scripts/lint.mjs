// Checks all sources: `style` by ESLint, the rules of `imports`, and `types`. Without an argument it does all three.
// ESLint takes longer than the other two, so these run beside it.
import { all, compile, run } from "./processes.mjs";

const checks = {
  style: () => run("eslint", "eslint", ".", "--max-warnings", "0"),
  imports: () => run("dependency-cruiser", "depcruise", "--config", ".dependency-cruiser.cjs",
    "src", "desktop", "bench", "fuzz", "boards", "examples"),
  /** What runs on Node.js, the language that all engines share, and what runs on each other platform. */
  types: async () => {
    for (const part of ["", ".engine", ".moddable", ".espruino", ".page"]) await compile(`tsconfig${part}.json`);
  },
};

const [only] = process.argv.slice(2);
if (only === undefined) await all(checks.style(), checks.imports().then(checks.types));
else await checks[only]();
