import type { IncomingMessage } from "node:http";
import { HttpProblem } from "./problem.js";

/** Longest body of a request. */
export const BODY_BYTES_MAX = 16384;

/**
 * Reads the JSON object that a request brings.
 *
 * @throws HttpProblem; then the rest of the body may not have arrived
 */
export async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const { "content-type": type = "", "content-length": length } = request.headers;
  // A form of another site cannot have this type.
  if (type.split(";", 1)[0].trim().toLowerCase() !== "application/json") {
    throw new HttpProblem(415, `Content-Type: ${JSON.stringify(type)} is not application/json`);
  }
  const tooLong = new HttpProblem(413, `a body has at most ${BODY_BYTES_MAX} bytes`);
  if (Number(length ?? 0) > BODY_BYTES_MAX) throw tooLong;
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    bytes += (part as Buffer).length;
    if (bytes > BODY_BYTES_MAX) throw tooLong;
    parts.push(part as Buffer);
  }
  const body = parse(Buffer.concat(parts).toString("utf8"));
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new HttpProblem(400, "the body is no JSON object");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpProblem(400, "the body is not JSON");
  }
}
