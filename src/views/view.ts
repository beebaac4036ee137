import type { CborValue } from "../cbor/cbor.js";

/** Something that is kept up to date from the rows of a node: given to `Gossip` in its option `views`. */
export interface View {
  /** Called once, with the number of slots that rows can have. */
  bind(capacity: number): void;
  /**
   * A row became fresher or changed its state.
   *
   * @param slot 0 to capacity - 1, the same for as long as the row is held
   * @param isLive whether the node is thought to run (UP or SUSPECT)
   * @param data what the node shares; undefined when nothing
   */
  rowChanged(slot: number, isLive: boolean, data: CborValue): void;
  /** All rows that one input changed were told. */
  settle(): void;
}
