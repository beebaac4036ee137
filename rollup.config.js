// The bundles for Espruino. scripts/build.mjs builds all else, and the declarations beside them, with the compiler.
import { fileURLToPath } from "node:url";
import {
  besideBundle, espruinoOutput, inlineConstants, leaveMost, ownNames, shorten, stripTypes,
} from "./rollup-plugins/espruino.js";

const espruinoFile = (entryFileNames, ...plugins) => ({
  ...espruinoOutput, dir: "dist/espruino", entryFileNames, plugins: [inlineConstants, ...plugins],
});

/** Three files of one module: as one can read it, minified, and with most of it left in flash. */
function forEspruino(source, name) {
  const input = fileURLToPath(new URL(source, import.meta.url));
  return [
    { input, plugins: [stripTypes], output: espruinoFile(`${name}.js`, besideBundle) },
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
  ...forEspruino("src/espruino.ts", "chisme"),
  ...forEspruino("src/espruino-espgossip.ts", "chisme-espgossip"),
  ...forEspruino("src/espruino-full.ts", "chisme-full"),
];
