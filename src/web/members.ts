import { jsonText } from "../cbor/json-text.js";
import { orderKey } from "../engine/table/hash.js";
import { OWN_SLOT } from "../engine/table/rows.js";
import type { GossipNode } from "../gossip-node.js";
import { type NodeRow, nodeRow } from "../node-row.js";

/** Above all order keys. */
const KEY_END = 4294967296;

/** A node as desktops show it; fields that a board does not know are missing. */
interface BoardMember extends NodeRow {
  isSelf: boolean;
  roundTripMs?: number;
  lossTo?: number;
  lossFrom?: number;
}

/**
 * The rows of a node as JSON, one row a text. They come in the order of the table, which other rows may join and leave
 * meanwhile: none that stays is missing or comes twice.
 *
 * @returns a function that gives the next text, "" at the end
 */
export function memberTexts(gossip: GossipNode): () => string {
  const rows = gossip.engine.rows;
  let key = 0;
  let before = `{"members":[`;
  return () => {
    const place = rows.placeOf(key);
    if (place < rows.count) {
      const slot = rows.slotAt(place);
      key = orderKey(rows.id(slot)) + 1;
      const text = before + jsonText(memberOf(gossip, slot))!;
      before = ",";
      return text;
    }
    const end = before === "" ? "" : before === "," ? "]}\n" : `${before}]}\n`;
    before = "";
    key = KEY_END;
    return end;
  };
}

function memberOf(gossip: GossipNode, slot: number): BoardMember {
  const member = nodeRow(gossip.engine.rows, slot) as BoardMember;
  member.isSelf = slot === OWN_SLOT;
  const links = gossip.options.links;
  const quality = links === undefined || member.isSelf ? undefined : links.qualityOf(member.id);
  if (quality === undefined) return member;
  if (quality.roundTripMs !== undefined) member.roundTripMs = quality.roundTripMs;
  if (quality.lossTo !== undefined) member.lossTo = quality.lossTo;
  if (quality.lossFrom !== undefined) member.lossFrom = quality.lossFrom;
  return member;
}
