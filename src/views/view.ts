import type { CborValue } from "../cbor/cbor.js";

/** What a view may look up in the node's rows, while it is called. */
export interface ViewRows<Value extends CborValue = CborValue> {
  /** The value that the node of a slot shares; undefined when it shares none, is not live, or the slot has no row. */
  value(slot: number): Value | undefined;
}

/** Something that is kept up to date from the rows of a node: given to `Gossip` in its option `views`. */
export interface View<Value extends CborValue = CborValue> {
  /**
   * The node that the view is given to calls this once.
   *
   * @param capacity slots that rows can have
   * @param rows for a view that looks at rows again, in place of a copy of each value
   */
  bind(capacity: number, rows: ViewRows<Value>): void;
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
