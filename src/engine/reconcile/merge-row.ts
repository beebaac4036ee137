import { DROP_TABLE_FULL, DROP_VALUE_TOO_LARGE } from "../wire/drops.js";
import { NOTIFY_TABLE_FULL, type Faults } from "../notifications.js";
import type { FeedProtocol } from "../feed/feed-protocol.js";
import type { Outbox } from "./outbox.js";
import type { Random } from "../random.js";
import type { Rounds } from "../membership/rounds.js";
import {
  FLAG_NOTIFY_UPDATE, MERGED_FRESHER, MERGED_NOTHING, MERGE_TABLE_FULL, type RowData, type Rows,
} from "../table/rows.js";
import type { Seeds } from "../membership/seeds.js";
import { SUSPECT, UP } from "../table/states.js";
import type { Stats } from "../stats.js";
import type { Suspicion } from "../membership/suspicion.js";

/** What taking in a row works with: the parts of one node, which is the engine. */
export interface MergeParts {
  readonly rows: Rows;
  readonly stats: Stats;
  readonly seeds: Seeds;
  readonly random: Random;
  readonly outbox: Outbox;
  readonly suspicion: Suspicion;
  readonly rounds: Rounds;
  readonly feed: FeedProtocol | undefined;
  readonly faults: Faults;
}

/** Merges a statement about another node; its value lies in `bytes`. */
export function mergeRow(node: MergeParts, row: RowData, bytes: Uint8Array): void {
  const rows = node.rows;
  const held = rows.find(row.id);
  const stateBefore = held < 0 ? -1 : rows.state(held);
  const isElsewhere = held < 0 || rows.address(held) !== row.address || rows.port(held) !== row.port;
  row.state = node.suspicion.believed(held, row);
  const merged = rows.merge(row, bytes);
  if (merged > MERGED_FRESHER) {
    node.stats.countDrop(merged === MERGE_TABLE_FULL ? DROP_TABLE_FULL : DROP_VALUE_TOO_LARGE);
    if (merged === MERGE_TABLE_FULL) node.faults.report(NOTIFY_TABLE_FULL, held);
  } else if (merged !== MERGED_NOTHING) {
    const slot = rows.find(row.id);
    if (stateBefore >= SUSPECT || row.state !== UP) rows.markUrgentUpdate(slot);
    else rows.markUpdate(slot);
    if (merged === MERGED_FRESHER) {
      rows.noteChange(slot, FLAG_NOTIFY_UPDATE);
      if (row.isForeign) node.suspicion.foreignerSpoke(slot);
      else if (isElsewhere) learnAddress(node, row);
    }
    // A doubt about a fresher statement is another doubt: its time begins now.
    const isDoubted = merged === MERGED_FRESHER && row.state !== UP;
    if (row.state !== stateBefore || isDoubted) node.suspicion.stateChanged(slot);
  } else if (rows.compare(held, row) > 0) {
    // The sender is behind on this one: what it lacks goes back at once.
    node.outbox.send(held);
  } else if (node.feed === undefined || node.feed.agrees(held)) {
    rows.countTransmit(held);
  }
}

function learnAddress(node: MergeParts, row: RowData): void {
  node.seeds.learn(row.address, row.port, node.random);
  node.rounds.moved(row.id);
}
