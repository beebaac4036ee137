/** Options of a bridge. */
export interface AutoOptions {
  /**
   * Send values that are no object and no array to boards as `{"value": …}`: this node's and those of compact nodes.
   * False by default; Lua scripts that look for a member of `data` then end in an error.
   */
  wrapPlain?: boolean;
}

/**
 * Where a node may differ from the reference, NodeMCU's gossip module (PROTOCOL
 * 8.4). All options are off by default: the node then behaves as the reference.
 */
export interface EspGossipOptions {
  /** Refuse a row with a negative number. If off, the number is read as 0. */
  refuseNegative?: boolean;
  /** Only a datagram that decodes, or a compact frame, sets its sender UP. If off, any datagram does. */
  needDecoding?: boolean;
  /** Take on a higher revision or heartbeat if peers hold a fresher row of this node. If off, such rows are ignored. */
  recover?: boolean;
  /** Raise the heartbeat with each value. If off, a peer ignores a second value within one second. */
  riseWithValue?: boolean;
  /**
   * Send a value of this node that is no object and no array as `{"value": …}`. If off, it goes as it is; Lua
   * scripts that look for a member of `data` then end in an error.
   */
  wrapPlain?: boolean;
}
