// The directions of imports. `npm run lint` checks them; test/language-rules.test.ts proves that each rule refuses.
//
// A part is a group of files. A part may import the values of itself and of `values`, and the types of `types` as well.
// A part imports no package unless `packages` lists it. The first part that holds a file decides. An entry is a path
// from the root on: a folder ends in `/`, all else is a regular expression for the rest of the path.

const { dependencies } = require("./desktop/package.json");

/** Checks, errors and retries that all parts of the library share. */
const shared = ["src/(checks|errors|cbor-failure|retry).ts", "src/cbor/"];
const platformValues = [
  ...shared, "src/platform/", "src/sealing/", "src/engine/wire/address.ts", "src/engine/table/media.ts",
];
const platformTypes = ["src/digest/", "src/engine/wire/sealer.ts"];
/** Constants of feeds that a node without events needs, too. */
const feedConstants = ["src/engine/feed/kinds.ts"];
const engineWithoutFeeds = ["src/engine/[^/]+.ts", "src/engine/(wire|table|reconcile|membership)/", ...feedConstants];
const desktopPackages = Object.keys(dependencies).filter((name) => name !== "chisme");
/** How dependency-cruiser marks `import type` and `import("…").Type`. */
const typeImports = ["type-only", "type-import"];
/** The modules of Node.js. */
const builtIns = "node:";

const parts = [
  { name: "src/cbor", files: "src/cbor/" },
  { name: "src/digest", files: "src/digest/" },

  // The engine's wings: table <- wire <- reconcile <- membership <- engine.ts, and wire <- feed <- engine.ts.
  { name: "src/engine/table", files: "src/engine/table/",
    types: ["src/engine/clock.ts", "src/engine/feed/feeds-hash.ts"] },
  { name: "src/engine/wire", files: "src/engine/wire/", values: ["src/cbor/", "src/engine/table/"] },
  // Messages are handed in, as feeds are.
  { name: "src/engine/message", files: "src/engine/message/",
    values: ["src/cbor/", "src/engine/(table|wire)/", "src/engine/clock.ts",
      "src/engine/membership/(probe-order|routes).ts"],
    types: ["src/engine/membership/rounds.ts", "src/engine/reconcile/outbox.ts"] },
  // The outbox writes the part of a frame that is about feeds.
  { name: "src/engine/reconcile", files: "src/engine/reconcile/", values: ["src/engine/(table|wire)/"],
    types: ["src/engine/word-pool.ts", "src/engine/feed/feed-outbox.ts"] },
  { name: "src/engine/membership", files: "src/engine/membership/",
    values: ["src/engine/(table|wire)/", "src/engine/clock.ts", "src/engine/reconcile/outbox.ts"],
    types: ["src/engine/word-pool.ts"] },
  // The sleep of this node is handed in.
  { name: "src/engine/sleep", files: "src/engine/sleep/",
    values: ["src/cbor/", "src/engine/(table|wire)/", "src/engine/membership/probe-order.ts"],
    types: ["src/engine/clock.ts", "src/engine/(feed|membership|message|reconcile)/"] },
  // SHA-256 is handed in.
  { name: "src/engine/feed", files: "src/engine/feed/",
    values: ["src/cbor/", "src/digest/digest.ts", "src/engine/(table|wire)/", "src/engine/stats.ts"],
    types: ["src/engine/clock.ts"] },
  { name: "src/engine", files: "src/engine/", own: "src/engine/[^/]+.ts", values: ["src/cbor/", ...engineWithoutFeeds],
    types: ["src/digest/", "src/engine/"] },

  { name: "src/events", files: "src/events/", values: [...shared, "src/engine/", "src/digest/digest.ts"],
    types: ["src/"] },
  // Signatures are handed in where events are.
  { name: "src/signing", files: "src/signing/",
    values: [...shared, "src/engine/(feed|table|wire)/", "src/digest/digest.ts"], types: ["src/"] },
  // Keepers are handed in where events are, so that boards carry none of their code.
  { name: "src/keeper", files: "src/keeper/", values: [...shared, "src/engine/", "src/events/"], types: ["src/"] },
  { name: "src/messages", files: "src/messages/",
    values: [...shared, "src/engine/", "src/find-node.ts", "src/events/check-text.ts"], types: ["src/"] },
  { name: "src/sleep", files: "src/sleep/", values: [...shared, "src/engine/(sleep|table)/"], types: ["src/engine/"] },
  { name: "src/rtc-memory", files: "src/rtc-memory/", values: shared },
  // Links are handed in.
  { name: "src/links", files: "src/links/", values: ["src/errors.ts", "src/engine/(table|wire)/"] },
  // Sensors and outputs are the application's.
  { name: "src/sensors", files: "src/sensors/", values: ["src/(checks|errors).ts"] },
  { name: "src/relay", files: "src/relay/", values: ["src/(checks|errors).ts"], types: ["src/cbor/"] },
  // The time is handed in.
  { name: "src/time", files: "src/time/", values: [...shared, "src/engine/(table|wire)/"],
    types: ["src/platform/types.ts"] },
  { name: "src/web", files: "src/web/", values: [...shared, "src/engine/table/", "src/node-row.ts"], types: ["src/"] },
  { name: "src/status", files: "src/status/", values: [...engineWithoutFeeds, "src/node-row.ts"], types: ["src/"] },
  { name: "src/views", files: "src/views/", values: shared, types: ["src/[^/]+.ts"] },
  { name: "src/sealing", files: "src/sealing/", values: [...shared, "src/engine/wire/sealer.ts"] },
  { name: "src/espgossip", files: "src/espgossip/", values: [...shared, ...engineWithoutFeeds],
    types: ["src/[^/]+.ts", "src/engine/feed/", "src/platform/types.ts"] },
  { name: "src/platform for Moddable", files: "src/platform/moddable", values: [...platformValues, "src/web/"],
    types: [...platformTypes, "src/gossip-node.ts"], packages: ["crypt", "net", "time", "timer", "embedded:.+"] },
  { name: "src/platform for Espruino", files: "src/platform/espruino", values: platformValues,
    types: platformTypes, packages: ["Storage", "Wifi", "crypto", "dgram"] },
  { name: "src/platform", files: "src/platform/", values: [...shared, "src/sealing/", "src/engine/table/media.ts"],
    types: platformTypes },
  { name: "src, entries for Espruino", files: "src/espruino[^/]*.ts", values: ["src/"] },
  // Events and ESPGossip's dialect are handed in, so that a program without them carries none of their code.
  { name: "src", files: "src/", own: "src/[^/]+.ts", values: ["src/cbor/", "src/sealing/key.ts", "src/views/",
    ...engineWithoutFeeds], types: ["src/(events|links|messages|sleep|time)/", "src/digest/", "src/engine/",
    "src/platform/types.ts"] },

  { name: "desktop/platform", files: "desktop/platform/", values: ["src/"],
    packages: [builtIns, "@noble/ciphers", "@noble/curves", "fs-native-extensions", "multicast-dns"] },
  // What can be asked of a running node: for its prompt, its socket, and whatever else shows it.
  { name: "desktop/control", files: "desktop/control/", values: ["src/", "desktop/platform/"], packages: [builtIns] },
  // It shows whatever network it is given.
  { name: "desktop/http", files: "desktop/http/", values: ["src/", "desktop/control/"],
    types: ["desktop/platform/"], packages: [builtIns, "prom-client"] },
  // It runs in browsers, where there are no modules of Node.js.
  { name: "desktop/page", files: "desktop/page/", types: ["src/", "desktop/control/"],
    packages: ["d3-force", "uplot"] },
  // It runs a node, and carries its data out and in.
  { name: "desktop/gateway", files: "desktop/gateway/", values: ["src/", "desktop/(control|http|platform)/"],
    packages: [
      builtIns, "@nats-io/jetstream", "@nats-io/transport-node", "@photostructure/sqlite", "ajv", "mqtt", "yaml",
    ] },
  { name: "desktop/simulator", files: "desktop/simulator/", values: ["src/", "desktop/platform/"],
    packages: [builtIns, ...desktopPackages] },
  // A simulation that is driven by hand, as a network that is watched.
  { name: "desktop/live", files: "desktop/live/", values: ["src/", "desktop/(control|simulator)/"],
    packages: [builtIns] },
  { name: "desktop/recording", files: "desktop/recording/", values: ["src/", "desktop/control/"],
    packages: [builtIns] },
  { name: "desktop/cli", files: "desktop/cli/",
    values: ["src/", "desktop/(control|gateway|http|live|platform|recording|simulator)/"],
    packages: [builtIns, ...desktopPackages] },

  { name: "fuzz", files: "fuzz/", values: ["src/", "desktop/(platform|simulator)/", "test/support/"],
    packages: [builtIns] },
  { name: "bench", files: "bench/",
    values: ["src/", "desktop/(gateway|platform|simulator)/", "test/(conformance|support|xs)/"],
    packages: [builtIns, "cli-progress", "cli-table3", "esbuild", "picocolors"] },
  // The core of an example runs everywhere; its entries bring the platform.
  { name: "examples, cores", files: "examples/[^/]+/app", values: ["src/", "dist/"], packages: ["chisme"] },
  { name: "examples on Node.js", files: "examples/[^/]+/(desktop|simulate)",
    values: ["examples/[^/]+/app", "src/", "dist/", "desktop/"], packages: [builtIns, "chisme-cli"] },
  { name: "examples on Espruino", files: "examples/(espruino/|[^/]+/espruino)", values: ["dist/"],
    packages: ["chisme", "network", "Wifi"] },
  { name: "examples", files: "examples/", values: ["src/", "dist/"],
    packages: [
      "chisme", "commodetto", "contact", "lines", "mc/config", "network", "node", "output", "preference", "Resource",
      "rest", "sensor", "time", "timer", "embedded:.+",
    ] },
  { name: "boards/espruino", files: "boards/espruino/", values: ["dist/"], packages: ["chisme", "Wifi"] },
  // What the manifests give to an application: the library, the SDK, and the board's own files by name.
  { name: "boards", files: "boards/", values: ["dist/"],
    packages: [
      "bme280", "care", "chisme", "crypt", "i2c-bus", "mc/config", "mc/ffi", "network", "preference", "sensor",
      "status-led", "time", "timer", "web", "embedded:.+",
    ] },
];

function pathOf(entry) {
  return `^${entry.replace(/[.]ts$/, "[.]ts$")}`;
}

/** A package as it is imported, and where it is found. */
function packageOf(name) {
  return [`^${name}$`, `^${name}/`, `^node_modules/${name}/`, `^node_modules/@types/${name}/`];
}

const forbidden = [
  {
    name: "no circle",
    severity: "error",
    comment: "No file imports itself by way of others, types included.",
    from: {},
    to: { circular: true },
  },
  ...parts.flatMap(({ name, files, own = files, values = [], types = [], packages = [] }, index) => {
    const from = { path: pathOf(files), pathNot: parts.slice(0, index).map((part) => pathOf(part.files)) };
    const namedPackages = packages.filter((one) => one !== builtIns);
    const allowed = [...[own, ...values].map(pathOf), ...namedPackages.flatMap(packageOf)];
    const alsoAllowed = packages.includes(builtIns) ? ["core"] : [];
    return [
      {
        name: `${name}: values`,
        severity: "error",
        comment: `May import values from ${[own, ...values, ...packages].join(", ")}.`,
        from,
        to: { pathNot: allowed, dependencyTypesNot: [...typeImports, ...alsoAllowed] },
      },
      {
        name: `${name}: types`,
        severity: "error",
        comment: `May import types from ${[own, ...values, ...types, ...packages].join(", ")}.`,
        from,
        to: {
          pathNot: [...allowed, ...types.map(pathOf)],
          dependencyTypes: typeImports,
          dependencyTypesNot: alsoAllowed,
        },
      },
    ];
  }),
];

module.exports = {
  forbidden,
  options: {
    doNotFollow: { path: ["node_modules", "^test/", "^dist/"] },
    exclude: { path: ["/dist/", "^build/"] },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "default"] },
  },
};
