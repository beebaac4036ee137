import { chmodSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import typescript from "@rollup/plugin-typescript";
import {
  besideBundle, espruinoOutput, inlineConstants, leaveMost, ownNames, shorten, stripTypes,
} from "./rollup-plugins/espruino.js";

const outputDirectory = "dist";
const commandLineFile = "desktop/cli/main.js";
const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));

/** The entries stand once, in the configuration of TypeScript; only whole lines are comments there. */
function entriesOf(tsconfig) {
  return JSON.parse(readFileSync(tsconfig, "utf8").replace(/^\s*\/\/.*$/gm, "")).files;
}

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

const output = {
  dir: outputDirectory,
  format: "es",
  preserveModules: true,
  preserveModulesRoot: "src",
  sourcemap: true,
  // The plugin counts from where the compiler alone would write, a folder deeper than rollup does.
  sourcemapPathTransform: (source) => source.replace("../", ""),
};

const forNode = {
  input: entriesOf("tsconfig.build.json"),
  // A dependency, or a part of one such as "@noble/ciphers/aes.js".
  external: (id) => id.startsWith("node:") || Object.keys(dependencies).some((name) => `${id}/`.startsWith(`${name}/`)),
  plugins: [
    cleanOutput,
    typescript({ tsconfig: "tsconfig.build.json", noEmitOnError: true }),
    dropSourceHashbang,
    executableCommandLine,
  ],
  output: { ...output, banner: (chunk) => chunk.fileName === commandLineFile ? "#!/usr/bin/env node" : "" },
};

const forModdable = {
  input: entriesOf("tsconfig.build-moddable.json"),
  // Some modules are of the build for Node.js, too, and written again here: whole, since that may need more of them.
  treeshake: false,
  external: ["crypt", "embedded:io/socket/udp", "net", "time", "timer"],
  plugins: [typescript({ tsconfig: "tsconfig.build-moddable.json", noEmitOnError: true })],
  output,
};

const espruinoFile = (entryFileNames, ...plugins) => ({
  ...espruinoOutput, dir: `${outputDirectory}/espruino`, entryFileNames, plugins: [inlineConstants, ...plugins],
});

/** Three files of one module: as one can read it, minified, and with most of it left in flash. */
function forEspruino(source, name) {
  const input = fileURLToPath(new URL(source, import.meta.url));
  return [
    { input, plugins: [stripTypes], output: espruinoFile(`${name}.js`, besideBundle(input)) },
    {
      input,
      plugins: [ownNames(input), stripTypes],
      output: [
        espruinoFile(`${name}.min.js`, shorten(input)),
        espruinoFile(`${name}-lean.min.js`, leaveMost(input)),
      ],
    },
  ];
}

export default [
  forNode, forModdable,
  ...forEspruino("src/espruino.ts", "chisme"),
  ...forEspruino("src/espruino-espgossip.ts", "chisme-espgossip"),
  ...forEspruino("src/espruino-full.ts", "chisme-full"),
];
