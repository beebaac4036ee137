import { chmodSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import typescript from "@rollup/plugin-typescript";
import { besideBundle, espruinoOutput, inlineConstants, shorten, stripTypes } from "./rollup-plugins/espruino.js";

const outputDirectory = "dist";
const commandLineFile = "cli/main.js";
const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
// The list of entries stands once, in tsconfig.build.json; only whole lines are comments there.
const buildConfig = JSON.parse(readFileSync("tsconfig.build.json", "utf8").replace(/^\s*\/\/.*$/gm, ""));

/** Nothing of an earlier build may survive: `files` in package.json publishes the whole directory. */
const cleanOutput = {
  name: "clean-output",
  buildStart() {
    rmSync(outputDirectory, { recursive: true, force: true });
  },
};

/** The banner below adds the `#!` line; one in the source would be a second. */
const dropSourceHashbang = {
  name: "drop-source-hashbang",
  transform: (code) => ({ code: code.replace(/^#!.*/, ""), map: null }),
};

/** npm sets the executable bit when it installs a package, not in a checkout. */
const executableCommandLine = {
  name: "executable-command-line",
  writeBundle() {
    chmodSync(`${outputDirectory}/${commandLineFile}`, 0o755);
  },
};

const forNode = {
  input: buildConfig.files,
  external: [/^node:/, ...Object.keys(dependencies)],
  plugins: [
    cleanOutput,
    typescript({ tsconfig: "tsconfig.build.json", noEmitOnError: true }),
    dropSourceHashbang,
    executableCommandLine,
  ],
  output: {
    dir: outputDirectory,
    format: "es",
    preserveModules: true,
    preserveModulesRoot: "src",
    sourcemap: true,
    // The plugin counts from where the compiler alone would write, a folder deeper than rollup does.
    sourcemapPathTransform: (source) => source.replace("../", ""),
    banner: (chunk) => chunk.fileName === commandLineFile ? "#!/usr/bin/env node" : "",
  },
};

const espruinoEntry = fileURLToPath(new URL("src/espruino.ts", import.meta.url));
const espruinoFile = (entryFileNames, ...plugins) => ({
  ...espruinoOutput, dir: `${outputDirectory}/espruino`, entryFileNames, plugins: [inlineConstants, ...plugins],
});

const forEspruino = {
  input: espruinoEntry,
  plugins: [stripTypes],
  output: [
    espruinoFile("chisme.js", besideBundle(espruinoEntry)),
    espruinoFile("chisme.min.js", shorten(espruinoEntry)),
  ],
};

export default [forNode, forEspruino];
