const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Reads a decimal number such as "-21.5" or "1e3"; undefined for any other text, such as "" or "Infinity". */
export function readNumber(text: string): number | undefined {
  const number = DECIMAL.test(text) ? Number(text) : NaN;
  return Number.isFinite(number) ? number : undefined;
}

/** For options: other text is returned unchanged, so that the error of the options' check shows it. */
export function numeric(text: string): number {
  return readNumber(text) ?? text as unknown as number;
}

/** For a value to share: a number, or a map in JSON such as {"temp":21.5}; other text is returned unchanged. */
export function reading(text: string): unknown {
  if (!text.startsWith("{")) return numeric(text);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
