import type { CborValue } from "../cbor/cbor.js";

/** Something that is kept up to date from the rows of a node: given to `Gossip` in its option `views`. */
export interface View<Value extends CborValue = CborValue> {
  /** The node that the view is given to calls this once, with the number of slots that rows can have. */
  bind(capacity: number): void;
  /**
   * A row became fresher or changed its state.
   *
   * @param slot 0 to capacity - 1, the same for as long as the row is held
   * @param isLive whether the node is up, probed or suspect
   * @param data the value that the node shares; undefined when it shares none
   */
  rowChanged(slot: number, isLive: boolean, data: Value | undefined): void;
  /** All rows that one input changed were passed to `rowChanged`. */
  settle(): void;
}
