import { createReadStream } from "node:fs";
import { LineSplitter } from "../control/line-splitter.js";
import {
  FILE_BYTES_MAX, LINE_BYTES_MAX, type RecordingEntry, type RecordingHead, parseEntry, parseHead,
} from "./recording.js";

/**
 * Reads a recording, line by line.
 *
 * @throws Error that names the line that is wrong, and what the system throws
 */
export async function* readRecording(path: string): AsyncGenerator<RecordingHead | RecordingEntry, void, undefined> {
  let number = 0;
  let beforeMs = 0;
  for await (const line of linesOf(path)) {
    number++;
    try {
      if (number === 1) {
        yield parseHead(line);
        continue;
      }
      const entry = parseEntry(line, beforeMs);
      beforeMs = entry.atMs;
      yield entry;
    } catch (error) {
      throw new Error(`line ${number}: ${(error as Error).message}`, { cause: error });
    }
  }
  if (number === 0) throw new Error("line 1: is missing: the file is empty");
}

async function* linesOf(path: string): AsyncGenerator<string, void, undefined> {
  const splitter = new LineSplitter(LINE_BYTES_MAX);
  let bytes = 0;
  let count = 0;
  for await (const part of createReadStream(path)) {
    bytes += (part as Buffer).length;
    if (bytes > FILE_BYTES_MAX) throw new Error(`is longer than ${FILE_BYTES_MAX} bytes`);
    const lines = splitter.add(part as Buffer);
    if (lines === undefined) throw new Error(`line ${count + 1}: is longer than ${LINE_BYTES_MAX} bytes`);
    count += lines.length;
    yield* lines;
  }
  const rest = splitter.end();
  if (rest !== "") yield rest;
}
