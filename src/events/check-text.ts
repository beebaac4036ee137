import { utf8Length } from "../cbor/utf8.js";
import { show } from "../checks.js";
import { invalid } from "../errors.js";

/** An argument of a method that is a text of `least` to `most` bytes in UTF-8. */
export function checkText(method: string, name: string, text: unknown, least: number, most: number): void {
  const isText = typeof text === "string";
  const bytes = isText ? utf8Length(text) : -1;
  if (bytes >= least && bytes <= most) return;
  throw invalid(method, name, `${show(text)} is not a text of ${least} to ${most} bytes`, isText);
}
