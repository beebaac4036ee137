import { levelOf, nameOf } from "../mqtt/topics.js";
import type { ForeignEvent } from "../output.js";

const AUTHOR = /^(?:0|[1-9]\d{0,9})$/;
const AUTHOR_MAX = 0xffffffff;
const LEVELS = 4;

type Identity = Pick<ForeignEvent, "site" | "author" | "timeMs" | "counter" | "kind">;

/** Where an event is published: `STREAM.SITE.AUTHOR.TOPIC`. */
export function subjectOf(
  stream: string, { site, author, topic }: Pick<ForeignEvent, "site" | "author" | "topic">,
): string {
  return `${stream}.${levelOf(site)}.${author}.${levelOf(topic)}`;
}

/** What a subject says; undefined where `subjectOf` writes no such subject. */
export function readSubject(subject: string): Pick<ForeignEvent, "site" | "author" | "topic"> | undefined {
  const levels = subject.split(".");
  if (levels.length !== LEVELS || !AUTHOR.test(levels[2])) return undefined;
  const [site, author, topic] = [nameOf(levels[1]), Number(levels[2]), nameOf(levels[3])];
  // The own site is the empty one, and no event has an empty topic.
  if (site === undefined || site === "" || topic === undefined || topic === "" || author > AUTHOR_MAX) return undefined;
  return { site, author, topic };
}

/** The identity of an event, as text without spaces. */
export function identityOf({ site, author, timeMs, counter, kind }: Identity): string {
  return `${levelOf(site)}.${author}.${timeMs}.${counter}${kind === "withdraw" ? ".withdraw" : ""}`;
}
