/** Bytes that stand for themselves in a level of a topic. */
const PLAIN = /^[A-Za-z0-9_-]$/;
const LEVEL = /^(?:[A-Za-z0-9_-]|%[0-9A-F]{2})+$/;
/** The level of an empty name. No other name has it, since "%" stands before two digits everywhere else. */
const EMPTY = "%";

/**
 * A name as one level of a topic. Letters, digits, "_" and "-" stay; all other bytes of its UTF-8 become "%" and two
 * hexadecimal digits. So no two names have one level, also at brokers that make "." or " " something else.
 */
export function levelOf(name: string): string {
  if (name === "") return EMPTY;
  let level = "";
  for (const byte of Buffer.from(name, "utf8")) {
    const character = String.fromCharCode(byte);
    level += PLAIN.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return level;
}

/** The name of a level; undefined where `levelOf` writes no such level. */
export function nameOf(level: string): string | undefined {
  if (level === EMPTY) return "";
  if (!LEVEL.test(level)) return undefined;
  const bytes = Buffer.from(level.replace(/%([0-9A-F]{2})/g, (_all, digits: string) =>
    String.fromCharCode(parseInt(digits, 16))), "latin1");
  const name = bytes.toString("utf8");
  return levelOf(name) === level ? name : undefined;
}

/** Where the gateway publishes and listens. `prefix` is the first part of all topics, such as "chisme". */
export class Topics {
  private readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** "online" or "offline", whether the gateway is connected. Retained; the last will. */
  get status(): string { return `${this.prefix}/status`; }

  /** The state of a node, as text. Retained. */
  state(id: number | "+"): string { return `${this.prefix}/nodes/${id}/state`; }

  /** The value that a node shares, as JSON. Retained. */
  value(id: number): string { return `${this.prefix}/nodes/${id}/value`; }

  /** Name, address, version and so on of a node, as JSON. Retained. */
  node(id: number): string { return `${this.prefix}/nodes/${id}/info`; }

  /** An event, as JSON. */
  event(author: number, topic: string): string { return `${this.prefix}/events/${author}/${levelOf(topic)}`; }

  /** The latest value of a topic and key, as JSON. Retained. */
  latest(topic: string, key: string): string { return `${this.prefix}/topics/${levelOf(topic)}/${levelOf(key)}`; }

  /** What the gateway subscribes to, to be told what to publish in the network. */
  get commands(): string[] {
    return [`${this.prefix}/topics/+/+/set`, `${this.prefix}/log/+/set`, `${this.prefix}/value/set`];
  }

  /**
   * What a message in one of the topics of `commands` asks for.
   *
   * @returns undefined: a name in it is no name that `levelOf` writes
   */
  command(topic: string): Command | undefined {
    const levels = topic.slice(this.prefix.length + 1).split("/");
    if (levels[0] === "value") return { action: "push" };
    const names = levels.slice(1, -1).map(nameOf);
    if (names.includes(undefined)) return undefined;
    const [name, key] = names as string[];
    return levels[0] === "log" ? { action: "log", topic: name } : { action: "set", topic: name, key };
  }

  /** Whether a topic is one to which `state("+")` subscribes. */
  isState(topic: string): boolean { return topic.startsWith(`${this.prefix}/nodes/`); }

  /** The id in a topic of `state`. */
  idOf(topic: string): number | undefined {
    const found = /^(\d{1,10})\/state$/.exec(topic.slice(this.prefix.length + "/nodes/".length));
    return this.isState(topic) && found !== null ? Number(found[1]) : undefined;
  }
}

export type Command =
  | { action: "push" }
  | { action: "log"; topic: string }
  | { action: "set"; topic: string; key: string };
