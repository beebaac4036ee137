import type { Rows } from "../table/rows.js";
import type { FrameReader } from "./frame-reader.js";
import type { FrameWriter } from "./frame-writer.js";

/** The engine's clock, as `Clock`. */
export interface LinksClock {
  /** Engine time. */
  readonly nowMs: number;
  /** The caller's time at the last input. */
  readonly callerMs: number;
  readonly roundIntervalMs: number;
}

/**
 * Sees each frame to and from other nodes: counts those of its neighbours and measures how long answers take, or keeps
 * the time. Handed in.
 */
export interface Links {
  /**
   * Gives the node's rows and its clock, once.
   *
   * @throws RangeError ERR_OPTION when another node has the links
   */
  bind(rows: Rows, clock: LinksClock): Links;
  /**
   * A frame to a node was written, but for link report and time, which go behind all other sections.
   *
   * @param isSyn whether it is a SYN that may have sections
   * @param receiver id of the node
   */
  sent(isSyn: boolean, receiver: number, counter: number, writer: FrameWriter): void;
  /** A good frame arrived. Leaves the frame at any section. */
  received(frame: FrameReader): void;
}
