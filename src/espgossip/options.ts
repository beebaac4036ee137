/**
 * Where a node may do better than the reference, NodeMCU's gossip module. All
 * are off by default: then it does as the reference does.
 */
export interface EspGossipOptions {
  /** Refuse a row with a negative number. Else the number is read as 0. */
  refuseNegative?: boolean;
  /** Let only a datagram that decodes, or a compact frame, set its sender UP. Else any datagram does. */
  needDecoding?: boolean;
  /** Go beyond a revision or heartbeat of the node's own that others tell of. Else nobody's word on it counts. */
  recover?: boolean;
  /** Let the heartbeat rise with each value. Else two values within a second look the same to those who hold one. */
  riseWithValue?: boolean;
}
