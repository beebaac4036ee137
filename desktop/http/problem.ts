/** An error that becomes an answer: problem details of RFC 9457, without a type of its own. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly headers: Record<string, string>;

  /** @param detail for people. @param headers that the answer has beside those of all answers */
  constructor(status: number, detail: string, headers: Record<string, string> = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}

export const PROBLEM_TYPE = "application/problem+json";

/** @param title the phrase of the status */
export function problemText(status: number, title: string, detail: string): string {
  return `${JSON.stringify({ type: "about:blank", title, status, detail })}\n`;
}
