const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Reads a decimal number as people write it; undefined for anything else, "" and "Infinity" among it. */
export function readNumber(text: string): number | undefined {
  const number = DECIMAL.test(text) ? Number(text) : NaN;
  return Number.isFinite(number) ? number : undefined;
}

/** For options: what is no number stays the text it is, so that their check names it as it was typed. */
export function numeric(text: string): number {
  return readNumber(text) ?? text as unknown as number;
}
