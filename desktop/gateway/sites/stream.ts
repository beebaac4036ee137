import {
  JetStreamApiError, type JetStreamManager, type StreamConfig, type StreamInfo, jetstreamManager,
} from "@nats-io/jetstream";
import { type NatsConnection, nanos } from "@nats-io/transport-node";
import type { PartLog } from "../gateway-log.js";
import { MESSAGE_BYTES_MAX } from "./event-message.js";
import type { SitesSection } from "./sites-section.js";

const DEFAULT_STREAM = "chisme";
const DEFAULT_DAYS = 30;
const DAY_MS = 86400000;
const MEGABYTE = 1000000;
const UNLIMITED = -1;
/** So long the server itself drops what is published twice. Receivers drop it however late it comes. */
const DUPLICATES_MS = 120000;
/** The identity and the names in the header of a message. */
const HEADER_BYTES_MAX = 2048;
const STREAM_NOT_FOUND = 10059;
const NAME_IN_USE = 10058;

/** Name of the stream, which is also the first level of its subjects. */
export function streamName({ stream = DEFAULT_STREAM }: SitesSection): string {
  return stream;
}

function subjectsOf(name: string): string {
  return `${name}.>`;
}

/**
 * Finds the stream, and makes it where there is none. It never changes one.
 *
 * @throws (rejects) Error that says why the stream that is there cannot be used, or one of the server
 */
export async function openStream(
  connection: NatsConnection, section: SitesSection, log: PartLog,
): Promise<{ manager: JetStreamManager; info: StreamInfo }> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const name = streamName(section);
  const { replicas = 1, days = DEFAULT_DAYS, megabytes } = section;
  const wanted = {
    name, subjects: [subjectsOf(name)], num_replicas: replicas, max_age: nanos(Math.round(days * DAY_MS)),
    max_bytes: megabytes === undefined ? UNLIMITED : Math.round(megabytes * MEGABYTE),
    max_msg_size: MESSAGE_BYTES_MAX + HEADER_BYTES_MAX, duplicate_window: nanos(DUPLICATES_MS),
    description: "Events of chisme networks: STREAM.SITE.AUTHOR.TOPIC",
  };
  const info = await findStream(manager, name) ?? await makeStream(manager, wanted, log);
  const problem = problemOf(info.config);
  if (problem !== undefined) throw new Error(`the stream ${name} ${problem}`);
  for (const difference of differences(info.config, wanted)) {
    log.warn(`the stream ${name} ${difference}; it stays as it is`);
  }
  return { manager, info };
}

/** undefined: there is none. */
export async function findStream(manager: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(name);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return undefined;
    throw error;
  }
}

async function makeStream(
  manager: JetStreamManager, wanted: Partial<StreamConfig> & { name: string }, log: PartLog,
): Promise<StreamInfo> {
  try {
    const info = await manager.streams.add(wanted);
    log.info(`made the stream ${wanted.name}`);
    return info;
  } catch (error) {
    // Another gateway was faster, with other limits.
    if (error instanceof JetStreamApiError && error.code === NAME_IN_USE) return manager.streams.info(wanted.name);
    throw error;
  }
}

/** Why events would be lost in a stream, or could not come; undefined: it can be used. */
function problemOf(config: StreamConfig): string | undefined {
  const needed = subjectsOf(config.name);
  if (config.subjects?.length !== 1 || config.subjects[0] !== needed) {
    return `has the subjects ${(config.subjects ?? []).join(", ") || "of another stream"}, and not ${needed}`;
  }
  if (config.retention !== "limits") return `has the retention ${config.retention}, and not limits`;
  if (config.no_ack) return "acknowledges nothing (no_ack)";
  if (config.max_msgs_per_subject > 0) return `keeps only ${config.max_msgs_per_subject} messages of a subject`;
  if (config.max_msg_size !== UNLIMITED && config.max_msg_size < MESSAGE_BYTES_MAX) {
    return `takes only messages up to ${config.max_msg_size} bytes, and not ${MESSAGE_BYTES_MAX + HEADER_BYTES_MAX}`;
  }
  return undefined;
}

function differences(
  config: StreamConfig, wanted: Pick<StreamConfig, "num_replicas" | "max_age" | "max_bytes">,
): string[] {
  const found: string[] = [];
  const days = (ns: number): string => ns === 0 ? "for ever" : `${ns / nanos(DAY_MS)} days`;
  const bytes = (limit: number): string => limit === UNLIMITED ? "any number of bytes" : `${limit} bytes`;
  if (config.num_replicas !== wanted.num_replicas) {
    found.push(`has ${config.num_replicas} replicas, and sites.replicas says ${wanted.num_replicas}`);
  }
  if (config.max_age !== wanted.max_age) {
    found.push(`keeps events ${days(config.max_age)}, and sites.days says ${days(wanted.max_age)}`);
  }
  if (config.max_bytes !== wanted.max_bytes) {
    found.push(`holds ${bytes(config.max_bytes)}, and sites.megabytes says ${bytes(wanted.max_bytes)}`);
  }
  if (config.storage !== "file") found.push("is only in memory, and is lost when the servers end");
  return found;
}
