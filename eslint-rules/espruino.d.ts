import type { Linter } from "eslint";

/** What is built for Espruino, as it comes out. */
export const bundleRules: Linter.RulesRecord;
