import type { Measurement } from "./measurement.js";
import { measureStore } from "./store-figures.js";

/** What `npm run -s bench:store` measures, of which one figure is shown with the others. It depends on no seed. */
export const storeWear: Measurement<number> = {
  name: "storeWear",
  seeds: { full: 1, quick: 1 },
  nodes: 1,
  sample: (_seed, isQuick) => measureStore(undefined, isQuick ? 10 : 50)["store.appendsPerFlashErase"],
  figures: (samples) => ({ "store.appendsPerFlashErase": samples[0] }),
};
