import js from "@eslint/js";
import stylistic from "@stylistic/eslint-plugin";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";
import { engineRules, espruinoRules, portableRules, sourceRules } from "./eslint-rules/espruino.js";

const typescriptFiles = ["**/*.ts"];
// What imports modules that exist only in a build for a board.
const moddableFiles = ["src/platform/moddable*", "boards/**/*.ts"];
// Parts of src/platform that run on all of them.
const sharedPlatformFiles = ["src/platform/flash-log.ts", "src/platform/log-record.ts"];
// What runs in browsers.
const pageFiles = ["desktop/page/**/*.ts", "test/desktop/page/**/*.ts"];
const espruinoFiles = ["src/platform/espruino*", "src/platform/espruino*/**"];

export default defineConfig(
  // What users paste into Espruino's editor; test/boards and test/examples parse and run it.
  globalIgnores([
    "**/dist/", "build/", "coverage/", "boards/espruino/", "examples/espruino/", "examples/*/espruino.js",
  ]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },

  {
    files: ["**/*.js", "**/*.mjs", "**/*.cjs", "**/*.ts"],
    extends: [js.configs.recommended],
    plugins: { "@stylistic": stylistic },
    rules: {
      "eqeqeq": "error",
      "no-var": "error",
      "prefer-const": "error",
      "max-lines": ["error", 450],
      "@stylistic/eol-last": "error",
      "@stylistic/indent": ["error", 2, { SwitchCase: 1, flatTernaryExpressions: true }],
      "@stylistic/max-len": ["error", { code: 120, ignoreUrls: true, ignoreRegExpLiterals: true }],
      "@stylistic/no-tabs": "error",
      "@stylistic/no-trailing-spaces": "error",
      "@stylistic/quotes": ["error", "double", { avoidEscape: true, allowTemplateLiterals: "always" }],
      "@stylistic/semi": "error",
    },
  },
  {
    files: ["**/*.js", "**/*.mjs"],
    languageOptions: { globals: { globalThis: "readonly", process: "readonly", console: "readonly", URL: "readonly" } },
  },
  {
    files: ["examples/**/*.js"],
    languageOptions: { globals: { setInterval: "readonly", clearInterval: "readonly", setTimeout: "readonly",
      trace: "readonly", screen: "readonly" } },
    rules: { "no-unused-vars": ["error", { argsIgnorePattern: "^_" }] },
  },

  {
    files: typescriptFiles,
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": [
        "error", { disallowTypeAnnotations: false, fixStyle: "inline-type-imports" },
      ],
      // `import { type A }` would leave an import of the module in what is built.
      "@typescript-eslint/no-import-type-side-effects": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error", { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  {
    files: moddableFiles,
    languageOptions: { parserOptions: { projectService: false, project: "tsconfig.moddable.json" } },
  },
  {
    files: [...espruinoFiles, "src/espruino*.ts", "test/espruino/crypto-entry.ts"],
    languageOptions: { parserOptions: { projectService: false, project: "tsconfig.espruino.json" } },
    // Espruino's modules come from its firmware and its flash, when they are asked for.
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
  {
    files: pageFiles,
    languageOptions: { parserOptions: { projectService: false, project: "tsconfig.page.json" } },
  },
  {
    // Declarations describe what others wrote: the standard library, in its own style.
    files: ["types/**/*.d.ts"],
    extends: [tseslint.configs.disableTypeChecked],
    rules: {
      "@typescript-eslint/no-empty-object-type": "off",
      "@typescript-eslint/no-explicit-any": "off",
      "@typescript-eslint/no-unused-vars": "off",
    },
  },
  {
    files: ["test/**/*.ts"],
    // A fake of an asynchronous interface often has nothing to wait for.
    rules: { "@typescript-eslint/require-await": "off" },
  },
  {
    files: ["test/vectors/**"],
    rules: { "max-lines": "off", "@stylistic/max-len": "off" },
  },

  // The language that all engines share. .dependency-cruiser.cjs says who may import whom.
  // A later block replaces the same rule of an earlier one, so each holds the full list.
  { files: ["src/**/*.ts"], rules: sourceRules },
  { files: ["src/**/*.ts"], ignores: ["src/platform/**"], rules: portableRules },
  { files: sharedPlatformFiles, rules: portableRules },
  {
    files: ["src/cbor/**/*.ts", "src/digest/**/*.ts", "src/engine/**/*.ts"],
    // The codec of application values, whose business fractions are; the protocol decides nothing by them.
    ignores: ["src/cbor/cbor.ts", "src/cbor/float.ts"],
    rules: engineRules,
  },
  { files: espruinoFiles, rules: espruinoRules },
);
