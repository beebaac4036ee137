/** Imports that one rule of .dependency-cruiser.cjs must refuse, each alone in a file of a folder. */
export interface ImportOffence {
  readonly rule: string;
  /** `offender.ts` of a folder, or a file of the project that stands for itself. */
  readonly file: string;
  readonly sources: readonly string[];
}

export const importOffences: readonly ImportOffence[] = [
  ...both("src/cbor", "src/cbor/offender.ts", '"../engine/wire/cursor.js"'),
  ...both("src/digest", "src/digest/offender.ts", '"../cbor/utf8.js"'),
  ...both("src/engine/table", "src/engine/table/offender.ts", '"../wire/frame.js"'),
  ...both("src/engine/wire", "src/engine/wire/offender.ts", '"../reconcile/outbox.js"'),
  ...both("src/engine/reconcile", "src/engine/reconcile/offender.ts", '"../engine.js"'),
  {
    rule: "src/engine/reconcile: values",
    file: "src/engine/reconcile/offender.ts",
    sources: [
      'import { Rounds } from "../membership/rounds.js";',
      'import { FeedStore } from "../feed/feed-store.js";',
    ],
  },
  ...both("src/engine/membership", "src/engine/membership/offender.ts", '"../engine.js"'),
  ...both("src/engine/feed", "src/engine/feed/offender.ts", '"../../events/event-api.js"'),
  ...both("src/engine/message", "src/engine/message/offender.ts", '"../engine.js"'),
  ...both("src/engine/sleep", "src/engine/sleep/offender.ts", '"../engine.js"'),
  ...both("src/rtc-memory", "src/rtc-memory/offender.ts", '"../gossip.js"'),
  ...both("src/sleep", "src/sleep/offender.ts", '"../gossip.js"'),
  ...both("src/messages", "src/messages/offender.ts", '"../../desktop/simulator/index.js"'),
  {
    rule: "src/engine/feed: values",
    file: "src/engine/feed/offender.ts",
    sources: ['import { Sha256 } from "../../digest/sha256.js";', 'import { Engine } from "../engine.js";'],
  },
  {
    rule: "src/engine: values",
    file: "src/engine/offender.ts",
    sources: [
      'import { Gossip } from "../gossip.js";',
      'import { Gossip } from "./../gossip.js";',
      'import { type Gossip, minMax } from "../gossip.js";',
      'import "../gossip.js";',
      'export { Gossip } from "../gossip.js";',
      'export * from "../gossip.js";',
      'const gossip = import("../gossip.js");',
      'import { MemoryLog } from "../platform/memory-log.js";',
      'import { simulate } from "../../desktop/simulator/index.js";',
      'import { Sha256 } from "../digest/sha256.js";',
      'import { FeedProtocol } from "./feed/feed-protocol.js";',
      'import { createSocket } from "node:dgram";',
      'import UDP from "embedded:io/socket/udp";',
      'import colors from "picocolors";',
      'import { Engine } from "chisme/engine";',
    ],
  },
  {
    rule: "src/engine: types",
    file: "src/engine/offender.ts",
    sources: [
      'import type { Gossip } from "../gossip.js";',
      'import { type Gossip } from "../gossip.js";',
      'export type { Gossip } from "../gossip.js";',
      'type Gossip = import("../gossip.js").Gossip;',
      'import type { Socket } from "node:dgram";',
    ],
  },
  ...both("src/events", "src/events/offender.ts", '"../../desktop/simulator/index.js"'),
  { rule: "src/events: values", file: "src/events/offender.ts", sources: ['import { Gossip } from "../gossip.js";'] },
  ...both("src/keeper", "src/keeper/offender.ts", '"../../desktop/platform/node.js"'),
  {
    rule: "src/keeper: values",
    file: "src/keeper/offender.ts",
    sources: ['import { Gossip } from "../gossip.js";', 'import { MemoryLog } from "../platform/memory-log.js";'],
  },
  { rule: "src/events: values", file: "src/events/offender.ts", sources: ['import "../keeper/index.js";'] },
  ...both("src/links", "src/links/offender.ts", '"../gossip.js"'),
  ...both("src/sensors", "src/sensors/offender.ts", '"../gossip.js"'),
  ...both("src/relay", "src/relay/offender.ts", '"../gossip.js"'),
  ...both("src/time", "src/time/offender.ts", '"../gossip.js"'),
  ...both("src/status", "src/status/offender.ts", '"../../desktop/platform/node.js"'),
  { rule: "src/status: values", file: "src/status/offender.ts", sources: ['import "../events/index.js";'] },
  ...both("src/views", "src/views/offender.ts", '"../engine/table/rows.js"'),
  { rule: "src/views: values", file: "src/views/offender.ts", sources: ['import { Gossip } from "../gossip.js";'] },
  ...both("src/sealing", "src/sealing/offender.ts", '"../gossip.js"'),
  {
    rule: "src/sealing: values",
    file: "src/sealing/offender.ts",
    sources: [
      'import { nodeSealing } from "../../desktop/platform/node-sealing.js";',
      'import { aessiv } from "@noble/ciphers/aes.js";',
    ],
  },
  ...both("src/espgossip", "src/espgossip/offender.ts", '"../platform/memory-log.js"'),
  {
    rule: "src/espgossip: values",
    file: "src/espgossip/offender.ts",
    sources: [
      'import { Gossip } from "../gossip.js";',
      'import { FeedProtocol } from "../engine/feed/feed-protocol.js";',
      'import colors from "picocolors";',
    ],
  },
  ...both("src/platform for Moddable", "src/platform/moddable-offender.ts", '"../gossip.js"'),
  {
    rule: "src/platform for Moddable: values",
    file: "src/platform/moddable-offender.ts",
    sources: ['import { createSocket } from "node:dgram";'],
  },
  ...both("src/platform for Espruino", "src/platform/espruino-offender.ts", '"../gossip.js"'),
  ...both("src/platform", "src/platform/offender.ts", '"../gossip.js"'),
  {
    rule: "src/platform: values",
    file: "src/platform/offender.ts",
    sources: [
      'import { Engine } from "../engine/index.js";',
      'import { simulate } from "../../desktop/simulator/index.js";',
      'import { createSocket } from "node:dgram";',
      'import UDP from "embedded:io/socket/udp";',
    ],
  },
  ...both("src, entries for Espruino", "src/espruino-offender.ts", '"../desktop/platform/node.js"'),
  ...both("src", "src/offender.ts", '"../desktop/simulator/index.js"'),
  {
    rule: "src: values",
    file: "src/offender.ts",
    sources: [
      'import { eventFeeds } from "./events/index.js";',
      'import { espgossip } from "./espgossip/index.js";',
      'import { FeedProtocol } from "./engine/feed/feed-protocol.js";',
      'import { MemoryLog } from "./platform/memory-log.js";',
      'import { main } from "../desktop/cli/main.js";',
      'import { fake } from "../test/support/fake-platform.js";',
      'import { createSocket } from "node:dgram";',
      'import colors from "picocolors";',
    ],
  },
  ...both("desktop/platform", "desktop/platform/offender.ts", '"../simulator/index.js"'),
  {
    rule: "desktop/platform: values",
    file: "desktop/platform/offender.ts",
    sources: ['import colors from "left-pad";'],
  },
  ...both("desktop/control", "desktop/control/offender.ts", '"../cli/key.js"'),
  { rule: "desktop/control: values", file: "desktop/control/offender.ts", sources: ['import pc from "picocolors";'] },
  ...both("desktop/simulator", "desktop/simulator/offender.ts", '"../cli/key.js"'),
  ...both("desktop/cli", "desktop/cli/offender.ts", '"../../test/support/fake-files.js"'),
  { rule: "desktop/cli: values", file: "desktop/cli/offender.ts", sources: ['import { build } from "esbuild";'] },
  ...both("fuzz", "fuzz/offender.ts", '"../bench/figures.js"'),
  ...both("bench", "bench/offender.ts", '"../fuzz/target.js"'),
  ...both("boards/espruino", "boards/espruino/offender.ts", '"../../src/gossip.js"'),
  ...both("boards", "boards/offender.ts", '"../src/gossip.js"'),
];

/** A value and a type that come from the same file. */
function both(part: string, file: string, specifier: string): ImportOffence[] {
  return [
    { rule: `${part}: values`, file, sources: [`import { value } from ${specifier};`] },
    { rule: `${part}: types`, file, sources: [`import type { Type } from ${specifier};`] },
  ];
}

/** Imports that no rule may refuse. */
export const allowedImports: readonly (readonly [file: string, source: string])[] = [
  ["src/cbor/innocent.ts", 'import { utf8Read } from "./utf8.js";'],
  ["src/engine/innocent.ts", 'import { Rows } from "./table/rows.js";'],
  ["src/engine/innocent.ts", 'import { KIND_LOG } from "./feed/kinds.js";'],
  ["src/engine/innocent.ts", 'import type { FeedProtocol } from "./feed/feed-protocol.js";'],
  ["src/engine/innocent.ts", 'import type { Digest } from "../digest/sha256.js";'],
  ["src/engine/wire/innocent.ts", 'import { Rows } from "../table/rows.js";'],
  ["src/engine/feed/innocent.ts", 'import { FrameReader } from "../wire/frame-reader.js";'],
  ["src/events/innocent.ts", 'import { FeedProtocol } from "../engine/feed/feed-protocol.js";'],
  ["src/keeper/innocent.ts", 'import { EventApi } from "../events/event-api.js";'],
  ["src/keeper/innocent.ts", 'import type { GossipLog } from "../platform/types.js";'],
  ["src/time/innocent.ts", 'import { OWN_SLOT } from "../engine/table/rows.js";'],
  ["src/links/innocent.ts", 'import { OWN_SLOT } from "../engine/table/rows.js";'],
  ["src/sensors/innocent.ts", 'import { invalid } from "../errors.js";'],
  ["src/relay/innocent.ts", 'import type { CborValue } from "../cbor/cbor.js";'],
  ["src/status/innocent.ts", 'import { nextHop } from "../engine/membership/routes.js";'],
  ["src/views/innocent.ts", 'import type { NodeRow } from "../options.js";'],
  ["src/sealing/innocent.ts", 'import { SEAL_BYTES } from "../engine/wire/sealer.js";'],
  ["src/espgossip/innocent.ts", 'import type { Options } from "../gossip.js";'],
  ["src/platform/moddable-innocent.ts", 'import UDP from "embedded:io/socket/udp";'],
  ["src/platform/innocent.ts", 'import { pureSealing } from "../sealing/aes.js";'],
  ["src/innocent.ts", 'import { Engine } from "./engine/index.js";'],
  ["src/innocent.ts", 'import type { EventFeeds } from "./events/index.js";'],
  ["src/espruino-innocent.ts", 'export { eventFeeds } from "./events/index.js";'],
  ["desktop/platform/innocent.ts", 'import { createSocket } from "node:dgram";'],
  ["desktop/platform/innocent.ts", 'import { aessiv } from "@noble/ciphers/aes.js";'],
  ["desktop/platform/innocent.ts", 'import { tryLock } from "fs-native-extensions";'],
  ["desktop/cli/innocent.ts", 'import { simulateCommand } from "../simulator/command.js";'],
  ["bench/innocent.ts", 'import { replay } from "../test/conformance/replay.js";'],
  ["boards/innocent.ts", 'import { Gossip } from "chisme/gossip";'],
];
