import { keepSeconds, keptSeconds, resetReason, restart } from "care/chip";
import { hostLabel } from "care/host-label";
import { announceHost } from "care/mdns";
import { forgetNetworks, joinedNetwork, nextNetwork, resetNetworks, saveNetwork } from "care/networks";
import { type ProgramReason, RestartLog } from "care/restarts";
import { openConsole } from "care/serial-console";
import { startUpdates } from "care/updates";
import { Watchdog } from "care/watchdog";
import { joinOneOf } from "care/wifi";
import { eventFeeds } from "chisme/events/index";
import { type FeedEvent, Gossip, type GossipOptions, minMax } from "chisme/gossip";
import { moddableDigest } from "chisme/platform/moddable-digest";
import { moddablePlatform } from "chisme/platform/moddable";
import { PreferenceStorage } from "chisme/platform/moddable-storage";
import { latestMap } from "chisme/views/latest-map";
import config from "mc/config";
import Preference from "preference";
import { readings } from "chisme/sensors/index";
import { sensors } from "sensor";
import { showStatus } from "status-led";
import Timer from "timer";

const MINUTE_MS = 60000;
const DOMAIN = "chisme-care";
const TOPIC = "firmware";
// A board may be alone with nodes that sleep: it is in the network all the same, and a new image passes its trial.
const LIVE = ["up", "probed", "asleep"];

// A sensor node with all of boards/care: README.md and docs/CARE.md say what each part does.
const version = String(config.version);
const model = String(config.model);
const restarts = new RestartLog(Preference, DOMAIN);
// Before anything else runs that could end the program once more.
const started = restarts.started(resetReason(), version, keptSeconds());
keepSeconds(0);
const announced = latestMap();
const temperatures = minMax({ field: "temp" });
const { socket, clock, randomSeed } = moddablePlatform();
const options: GossipOptions = {
  socket,
  clock,
  randomSeed,
  storage: new PreferenceStorage(Preference, "chisme"),
  version,
  capacity: Number(config.capacity),
  datagramBytesMax: Number(config.datagram),
  views: [temperatures],
  events: eventFeeds({
    bytes: Number(config.eventBytes), digest: moddableDigest(), views: [announced], onEvent: (event) => heard(event),
  }),
  onState: (row) => {
    trace(`${row.name ?? row.id} is ${row.state}, version ${row.version ?? "unknown"}\n`);
    show();
  },
  onError: (code, error) => trace(`${code}: ${error.message}\n`),
};
if (config.id !== undefined) options.id = Number(config.id);
if (config.port !== undefined) options.port = Number(config.port);
if (config.seeds !== undefined) options.seedList = String(config.seeds).split(",");
if (config.interval !== undefined) options.roundIntervalMs = Number(config.interval);
if (config.name !== undefined) options.name = String(config.name);
const node = new Gossip(options);
const readout = readings({
  sensors: sensors(),
  onError: (error) => trace(`sensor: ${error === undefined ? "works again" : (error as Error).message}\n`),
});
const updates = startUpdates(version, () => leave("update"), () => leave("rollback"));

let isOnline = false;
let isNodeStarted = false;
let endHost: (() => void) | undefined;
let startMs = clock.nowMs();
let seconds = 0;

showStatus("offline");
resetNetworks();
const leaveNetwork = joinOneOf(nextNetwork, joined, lost);
openConsole({
  status: () => `${isOnline ? "online" : "offline"}, id ${node.id}, version ${version}`,
  saveNetwork: (network) => {
    saveNetwork(network);
    leaveNetwork();
  },
  forgetNetworks,
  restart: () => leave("command"),
});
const watchdog = new Watchdog({
  preferences: Preference,
  domain: DOMAIN,
  progress: () => node.stats().datagramsSent,
  isOnline: () => isOnline,
  restart: leave,
  standstillMs: 20 * MINUTE_MS,
  offlineMs: 15 * MINUTE_MS,
});
Timer.repeat(minute, MINUTE_MS);

function joined(): void {
  joinedNetwork();
  isOnline = true;
  if (isNodeStarted) socket.reopen();
  else startNode();
  share();
  endHost?.();
  endHost = announceHost(hostLabel(options.name, node.id), options.port ?? 5000, (host) => trace(`mDNS: ${host}\n`));
}

function lost(): void {
  isOnline = false;
  showStatus("offline");
}

function startNode(): void {
  isNodeStarted = true;
  node.start();
  if (started !== undefined) node.log("restart", { ...started });
  updates?.announced(announced.get(TOPIC, model));
}

function heard(event: FeedEvent): void {
  if (event.topic === TOPIC && event.key === model) updates?.announced(announced.get(TOPIC, model));
}

function minute(): void {
  const nowMs = clock.nowMs();
  seconds += Math.round(((nowMs - startMs) >>> 0) / 1000);
  startMs = nowMs;
  keepSeconds(seconds);
  restarts.lives(seconds);
  watchdog.check(nowMs);
  if (isOnline) share();
}

function share(): void {
  try {
    readout.update(clock.nowMs(), (map) => node.push(map));
  } catch (error) {
    trace(`${(error as Error).message}\n`);
  }
  show();
}

function show(): void {
  if (!isOnline) return;
  const others = node.rows().filter((row) => row.id !== node.id && LIVE.includes(row.state)).length;
  if (others > 0) updates?.joined();
  showStatus(others > 0 ? "joined" : "alone");
}

function leave(why: ProgramReason): void {
  restarts.restarting(why);
  if (why !== "rollback") restart();
}
