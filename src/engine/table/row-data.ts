/** The node of a row is not asleep. */
export const AWAKE = -1;

/** Higher than all ports, in place of one: see `RowData.port`. */
export const CHECKED = 0x10000;

/** A row as it was read from a datagram. Its value stays in the datagram's bytes. */
export class RowData {
  /** uint32 that names the node. */
  id = 0;
  /** IPv4 address as uint32; 0 when the frame does not have it. */
  address = 0;
  /** 0: the address is the datagram's source. From CHECKED on: the low octet is a check of address and revision. */
  port = 0;
  revision = 0;
  heartbeat = 0;
  state = 0;
  /** Index of the value, or of the name before it, in the bytes that the row was read from. */
  valueStart = 0;
  /** Bytes of name and value, 0 to 255; 0 when the node has no name and shares no value. */
  valueLength = 0;
  /** The node shares a value that the sender of the row does not hold. */
  lacksValue = false;
  /** The node does not use the compact dialect: other nodes make its statements. */
  isForeign = false;
  /** Seconds until the node, which is UP and asleep, is back; AWAKE otherwise. */
  backSeconds = AWAKE;
}

/** A claim: how far the sender of a row holds the feed of the row's node (PROTOCOL 10.3). */
export class FeedClaim {
  /** Whether the row has a claim, or the DIGEST entry a fingerprint. */
  isPresent = false;
  generation = 0;
  /** Sequence number up to which the sender holds the feed; 0: nothing of it. */
  sequence = 0;
  /** First 16 bits of the tip after that event, 0 while a snapshot arrives; in a DIGEST, the feed's fingerprint. */
  tip = 0;
}
