import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** Where secrets are read: paths in a configuration count from its folder. */
export interface SecretPlace {
  folder: string;
  /** Called with each secret that was read, so that no log shows it. */
  hide: (secret: string) => void;
  /** The environment for commands: without the variables that have secrets. */
  environment: () => NodeJS.ProcessEnv;
}

/**
 * Reads a secret of a section: from the file `NAMEFile` or the variable `NAMEEnv`.
 *
 * @param path of the section, for errors, which never show the secret
 * @returns undefined when the section names neither
 * @throws Error that names the option, and what is wrong
 */
export function readSecret(
  place: SecretPlace, path: string, section: object, name: string,
): string | undefined {
  const { [`${name}File`]: file, [`${name}Env`]: variable } = section as Record<string, string | undefined>;
  if (file !== undefined) return checked(place, `${path}.${name}File: ${file}`, readText(place, path, name, file));
  if (variable === undefined) return undefined;
  return checked(place, `${path}.${name}Env: the variable ${variable}`, process.env[variable] ?? "");
}

function readText(place: SecretPlace, path: string, name: string, file: string): string {
  try {
    return readFileSync(resolve(place.folder, file), "utf8");
  } catch (error) {
    throw new Error(`${path}.${name}File: ${(error as Error).message}`, { cause: error });
  }
}

function checked({ hide }: SecretPlace, what: string, text: string): string {
  const secret = text.trim();
  if (secret === "") throw new Error(`${what} is empty`);
  hide(secret);
  return secret;
}
