import type { Measurement } from "./measurement.js";
import { measureStore } from "./store-figures.js";

/** The measurement of `npm run -s bench:store`, for one of its figures. It does not depend on the seed. */
export const storeWear: Measurement<number> = {
  name: "storeWear",
  seeds: { full: 1, quick: 1 },
  nodes: 1,
  sample: (_seed, isQuick) => measureStore(undefined, isQuick ? 10 : 50)["store.appendsPerFlashErase"],
  figures: (samples) => ({ "store.appendsPerFlashErase": samples[0] }),
};
