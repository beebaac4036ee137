import type { Rows } from "../table/rows.js";
import type { Writer } from "./cursor.js";
import type { FrameReader } from "./frame-reader.js";

/** Counts the frames between this node and its neighbours, and measures how long answers take. Handed in. */
export interface Links {
  /**
   * Gives the node's rows and its clock, once.
   *
   * @throws RangeError ERR_OPTION when another node has the links
   */
  bind(rows: Rows, clock: { readonly nowMs: number }): Links;
  /**
   * A frame to a node was written, but for its link report, which goes behind all other sections.
   *
   * @param isSyn whether it is a SYN that may have sections
   * @param receiver id of the node
   */
  sent(isSyn: boolean, receiver: number, counter: number, writer: Writer): void;
  /** A good frame arrived. Leaves the frame at any section. */
  received(frame: FrameReader): void;
}
