import { isPrefix } from "./feed.js";
import { receiveFeed, receiveOwn, replaceFeed, takeFeed } from "./intake.js";
import { keep } from "./keeper.js";
import { monitor } from "./monitor.js";
import type { ModelNode } from "./node.js";
import { DOWN_ROUNDS, UP_ROUNDS } from "./times.js";
import type { World } from "./world.js";

/** `node` applies the peer's rows. */
function mergeRows(node: ModelNode, peer: ModelNode): void {
  const { now } = node.world;
  for (const [id, { heartbeat, at }] of peer.rows) {
    if (id === node.id) continue;
    const row = node.rows.get(id);
    if (row === undefined) {
      if (now - at <= UP_ROUNDS + DOWN_ROUNDS) node.rows.set(id, { heartbeat, at, isRemoved: false });
    } else if (heartbeat > row.heartbeat) {
      row.heartbeat = heartbeat;
      row.at = at;
    } else if (heartbeat === row.heartbeat && at < row.at && now - row.at > UP_ROUNDS) {
      row.at = at;
    }
  }
  const row = node.rows.get(peer.id);
  if (row === undefined) {
    node.rows.set(peer.id, { heartbeat: peer.heartbeat, at: now, isRemoved: false });
  } else {
    row.heartbeat = peer.heartbeat;
    row.at = now;
  }
}

/** A whole exchange of two nodes: rows, their own feeds, then all others. */
function exchange(node: ModelNode, peer: ModelNode): void {
  mergeRows(node, peer);
  mergeRows(peer, node);
  node.hasMet = true;
  peer.hasMet = true;
  receiveOwn(node, peer);
  receiveOwn(peer, node);
  for (const author of new Set([...node.feeds.keys(), ...peer.feeds.keys()])) {
    if (author !== node.id) receiveFeed(node, peer, author);
    if (author !== peer.id) receiveFeed(peer, node, author);
  }
}

/** A SYN with new own events: they go one way, before anything is known of what the peer holds. */
function sendUpdates(node: ModelNode, peer: ModelNode): void {
  const feed = node.ownFeed();
  if (feed === undefined || feed.sequence === 0 || feed.hasHoles) return;
  mergeRows(peer, node);
  const held = peer.feeds.get(node.id);
  if (held === undefined || held.sequence === 0) {
    takeFeed(peer, node.id, feed);
  } else if (held.generation === feed.generation && isPrefix(held.tip, feed.tip)) {
    takeFeed(peer, node.id, feed);
  } else if (feed.generation > held.generation && !node.world.rules.consent) {
    replaceFeed(peer, node.id, feed);
  }
}

/** One round: each live node probes one peer, then does its periodic work, then is checked. */
export function round(world: World): void {
  const { random, rules } = world;
  world.now++;
  for (const node of world.nodes) if (node.isAlive) node.heartbeat++;
  for (const node of world.nodes) {
    if (!node.isAlive) continue;
    const peers = world.nodes.filter((peer) => peer !== node && world.canReach(node, peer));
    if (peers.length === 0) continue;
    const peer = random.pick(peers);
    // R9: before the first answer since its start a node holds its own feed back.
    if (node.hasMet ? random.below(4) === 0 : !rules.holdBack) {
      sendUpdates(node, peer);
      if (random.below(3) === 0) continue;
    }
    exchange(node, peer);
    for (const id of [...node.awaitingConsent]) {
      if (world.canReach(node, world.nodes[id])) exchange(node, world.nodes[id]);
    }
  }
  for (const node of world.nodes) if (node.isAlive) keep(node);
  for (const node of world.nodes) if (node.isAlive) monitor(node);
}
