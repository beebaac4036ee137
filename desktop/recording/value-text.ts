const TEXT_MAX = 200;

/** A value as JSON without control characters, which a terminal would obey, cut where it is long. */
export function valueText(value: unknown): string {
  if (value === undefined) return "-";
  // JSON leaves those from U+007F to U+009F as they are.
  const text = JSON.stringify(value).replace(/[\u007f-\u009f]/g, "�");
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}
