const LABEL_CHARACTERS_MAX = 24;

/**
 * A host name without ".local" for a node: its name in lower case with hyphens for what a host name cannot have, else
 * "chisme-" and its id in hexadecimal digits. 1 to 24 characters.
 */
export function hostLabel(name: string | undefined, id: number): string {
  let label = "";
  for (const character of (name ?? "").toLowerCase()) {
    if (/[a-z0-9]/.test(character)) label += character;
    else if (label !== "" && !label.endsWith("-")) label += "-";
  }
  label = label.slice(0, LABEL_CHARACTERS_MAX);
  while (label.endsWith("-")) label = label.slice(0, -1);
  return label === "" ? `chisme-${id.toString(16)}` : label;
}
