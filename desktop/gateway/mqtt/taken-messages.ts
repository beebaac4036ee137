import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { IPublishPacket } from "mqtt";

/** Messages that are remembered. A broker sends again only what it got no acknowledgement for: at most 64 at a time. */
const REMEMBERED_MAX = 1024;
const MARK = /^[0-9a-f]{32}$/;

/**
 * Remembers which messages of a broker were taken, so that one that comes again is not taken twice: one that the broker
 * marks as repeated, with the same number, topic and payload; and one with a user property `id` that came before.
 */
export class TakenMessages {
  private readonly file: string;
  private readonly marks = new Set<string>();

  /** @param file undefined: they are forgotten at the end of the process */
  constructor(file: string) {
    this.file = file;
    for (const mark of readMarks(file)) this.marks.add(mark);
  }

  has(packet: IPublishPacket): boolean {
    const id = idOf(packet);
    if (id !== undefined && this.marks.has(markOf("id", id))) return true;
    return packet.qos > 0 && packet.dup && this.marks.has(markOfPacket(packet));
  }

  /** @throws Error of the file system */
  add(packet: IPublishPacket): void {
    if (packet.qos === 0 && idOf(packet) === undefined) return;
    const id = idOf(packet);
    if (id !== undefined) this.remember(markOf("id", id));
    if (packet.qos > 0) this.remember(markOfPacket(packet));
    writeFileSync(`${this.file}.new`, [...this.marks].join("\n"), { flush: true });
    renameSync(`${this.file}.new`, this.file);
  }

  private remember(mark: string): void {
    this.marks.delete(mark);
    this.marks.add(mark);
    if (this.marks.size <= REMEMBERED_MAX) return;
    for (const oldest of this.marks) {
      this.marks.delete(oldest);
      return;
    }
  }
}

function readMarks(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").filter((line) => MARK.test(line)).slice(-REMEMBERED_MAX);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function idOf({ properties }: IPublishPacket): string | undefined {
  const id = properties?.userProperties?.id;
  return Array.isArray(id) ? id[0] : id;
}

function markOfPacket({ messageId, topic, payload }: IPublishPacket): string {
  return markOf("packet", String(messageId), topic, payload);
}

function markOf(...parts: (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex").slice(0, 32);
}
