import { type Modules, loadModules } from "./adapter.js";
import { MEASURES } from "./measures.js";

/** A sample to take of a revision. */
export interface Request {
  /** Of MEASURES. */
  index: number;
  seed: number;
  nth: number;
}

export interface Reply {
  values?: number[];
  error?: string;
}

/* A process that measures the revision in the folder that its argument names. */
let modules: Promise<Modules> | undefined;

process.on("message", ({ index, seed, nth }: Request) => {
  modules ??= loadModules(process.argv[2]);
  modules.then((loaded): Reply => ({ values: MEASURES[index].sample(loaded, seed, nth) }))
    .catch((error: unknown): Reply => ({ error: error instanceof Error ? error.message : String(error) }))
    .then((reply) => process.send?.(reply), () => process.exit(1));
});
process.on("disconnect", () => process.exit());
