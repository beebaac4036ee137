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
}
