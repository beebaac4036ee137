/** What /v1/simulation answers, and the message "simulation" brings. */
export interface SimulationState {
  isPlaying: boolean;
  roundsPerSecond: number;
  round: number;
  nowMs: number;
  seed: number;
  nodes: number;
  lossProbability: number;
  options: object;
  command: string;
  inputCount: number;
  pendingCount: number;
  endMs?: number;
  failure?: string;
  datagrams: number;
  lost: number;
  cut: number;
}

/** Longest recording that the page opens, in bytes. */
export const RECORDING_BYTES_MAX = 8388608;
/** Inputs that one request brings. */
const APPEND_COUNT = 50;

/** A run as a file: JSON lines, as `--inputs` reads them. */
export function recordingText({ options, nowMs }: SimulationState, inputs: readonly object[]): string {
  const head = { chisme: "simulation", version: 1, options, endMs: nowMs };
  return [head, ...inputs].map((line) => `${JSON.stringify(line)}\n`).join("");
}

/**
 * The requests that open a recording.
 *
 * @throws Error that says what is wrong, with the line; the server checks the rest
 */
export function requestsOf(text: string): object[] {
  const lines = text.split("\n").filter((line, at, all) => line !== "" || at < all.length - 1);
  const [head, ...inputs] = lines.map((line, at) => {
    try {
      return JSON.parse(line) as Record<string, unknown>;
    } catch {
      throw new Error(`Line ${at + 1} is not JSON.`);
    }
  });
  if (head?.chisme !== "simulation") throw new Error("This is no recording of a simulation.");
  const requests: object[] = [{ action: "new", options: head.options, endMs: head.endMs }];
  for (let at = 0; at < inputs.length; at += APPEND_COUNT) {
    requests.push({ action: "append", inputs: inputs.slice(at, at + APPEND_COUNT) });
  }
  return requests;
}
