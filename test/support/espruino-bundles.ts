import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type EspruinoBundleKind, bundleForEspruino } from "../../rollup-plugins/espruino.js";
import { isBuilt } from "../../scripts/stamp.mjs";

export type EspruinoModule = "chisme" | "chisme-espgossip" | "chisme-full";

const ENDINGS = { readable: ".js", minified: ".min.js", lean: "-lean.min.js" };

/**
 * Bundles of a published module for Espruino: those of the last build if no source changed since, which spares many
 * files of tests the same work, else new ones.
 */
export async function publishedBundles<Kind extends EspruinoBundleKind>(
  name: EspruinoModule, kinds: readonly Kind[],
): Promise<Record<Kind, string>> {
  if (!isBuilt()) return bundleForEspruino(pathOf(`src/${name.replace("chisme", "espruino")}.ts`), kinds);
  const read = (kind: Kind) => readFileSync(pathOf(`dist/espruino/${name}${ENDINGS[kind]}`), "utf8");
  return Object.fromEntries(kinds.map((kind) => [kind, read(kind)])) as Record<Kind, string>;
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(`../../${file}`, import.meta.url));
}
