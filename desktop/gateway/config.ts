import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { Ajv, type ErrorObject } from "ajv";
import type { MqttSection } from "./mqtt/mqtt-section.js";
import type { SitesSection } from "./sites/sites-section.js";
import { type Document, LineCounter, isNode, isPair, isScalar, isMap, parseDocument, visit } from "yaml";

const CONFIG_BYTES_MAX = 1048576;
const SHOWN_CHARACTERS_MAX = 60;
const PROBLEMS_MAX = 20;
const ALIASES_MAX = 100;
const TOO_DEEP = "it is nested too deep";

/** docs/gateway.schema.json describes each field. */
export interface GatewayConfig {
  site?: string;
  storage: string;
  node?: NodeSection;
  sqlite?: { file?: string; retention?: Retention };
  http?: { listen?: string; tokenFile?: string; tokenEnv?: string; write?: boolean };
  hooks?: Record<string, HookSection>;
  publish?: PublisherSection[];
  mqtt?: MqttSection;
  sites?: SitesSection;
}

export interface NodeSection {
  listen?: string;
  interface?: string;
  serial?: string[];
  serialBytes?: number;
  advertise?: string;
  network?: string;
  trustedSubnets?: string[];
  seed?: string[];
  broadcast?: string;
  socket?: string;
  keyFile?: string;
  keyEnv?: string;
  otherKeyFile?: string;
  otherKeyEnv?: string;
  interval?: number;
  removeAfter?: number;
  id?: number;
  name?: string;
  version?: string;
  capacity?: number;
  neighbours?: number;
  datagramBytes?: number;
  feedBytes?: number;
  eventBytes?: number;
  valueBytes?: number;
  time?: "clock" | "peers" | "none";
  signed?: boolean;
  owner?: string;
}

export interface Retention {
  days?: number;
  megabytes?: number;
}

/** Program and arguments, or text for /bin/sh -c. */
export type CommandSetting = string | string[];

export interface HookSection {
  command?: CommandSetting;
  url?: string;
  tokenFile?: string;
  tokenEnv?: string;
  timeoutSeconds?: number;
}

export interface PublisherSection {
  topic: string;
  everySeconds: number;
  command: CommandSetting;
  timeoutSeconds?: number;
  ttlSeconds?: number;
}

/** A configuration that fits the schema, and the folder from which its paths count. */
export interface LoadedConfig {
  config: GatewayConfig;
  folder: string;
  /** Puts file, line and column in front of an error that begins with the name of an option. */
  locate?: (message: string) => string;
}

/** A value of the command line, which stands in place of that in the file. */
export interface Override {
  flag: string;
  path: [string] | [string, string];
  value: unknown;
}

/** All that is wrong with a configuration: a line each, with file, line and column. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

type Path = (string | number)[];

/**
 * Reads a configuration in YAML and checks it.
 *
 * @param file undefined: there is none, only flags
 * @throws ConfigError
 */
export function loadConfig(file: string | undefined, overrides: readonly Override[] = []): LoadedConfig {
  const counter = new LineCounter();
  const document = parseDocument(file === undefined ? "{}" : readConfig(file), { lineCounter: counter });
  const shownFile = file ?? "flags";
  const at = (offset: number, message: string): string => {
    const { line, col } = counter.linePos(offset);
    return `${shownFile}:${line}:${col}: ${message}`;
  };
  const problems = yamlProblems(document).map(({ offset, message }) => at(offset, message));
  if (problems.length > 0) throw new ConfigError(shortened(problems).join("\n"));
  const config: unknown = document.toJS({ maxAliasCount: ALIASES_MAX }) ?? {};
  for (const { path, value } of overrides) override(config, path, value);
  const locatePath = (path: Path, atKey: boolean, message: string): string => {
    const flag = overrides.find((one) => one.path.every((name, index) => path[index] === name))?.flag;
    if (flag !== undefined) return `${flag}: ${message}`;
    return file === undefined ? `flags: ${message}` : at(offsetOf(document, path, atKey), message);
  };
  if (file === undefined && !overrides.some(({ path }) => path[0] === "storage")) {
    throw new ConfigError("there is no configuration: give its file, or --storage FOLDER");
  }
  const found = checkShape(config)
    .sort((one, other) => offsetOf(document, one.path, one.atKey) - offsetOf(document, other.path, other.atKey))
    .map(({ path, message, atKey }) => locatePath(path, atKey, `${pathText(path)}${message}`));
  if (found.length > 0) throw new ConfigError(shortened([...new Set(found)]).join("\n"));
  return {
    config: config as GatewayConfig, folder: file === undefined ? process.cwd() : dirname(resolve(file)),
    locate: (message) => locatePath(pathOf(message), false, message),
  };
}

/** What YAML itself has against a text, and what no configuration needs: unknown tags, and lists as names. */
function yamlProblems(document: Document.Parsed): { offset: number; message: string }[] {
  const problems = [...document.errors, ...document.warnings].map(({ pos, message }) => {
    const [first] = message.split("\n");
    const text = first.startsWith("Maximum call stack") ? TOO_DEEP : first;
    return { offset: pos[0], message: text.replace(/ at line \d+, column \d+:?$/, "") };
  });
  // After what is nested too deep all else seems wrong, too.
  if (problems.length > 0) return problems[0].message === TOO_DEEP ? [problems[0]] : problems;
  let lastAlias = 0;
  visit(document, {
    Alias: (_key, { range, source }, path) => {
      const offset = range?.[0] ?? 0;
      lastAlias = offset;
      const isInside = path.some((node) => isNode(node) && "anchor" in node && node.anchor === source);
      if (isInside) problems.push({ offset, message: `the anchor ${source} holds itself` });
    },
    Pair: (_key, { key }) => {
      if (isNode(key) && !isScalar(key)) problems.push({ offset: key.range?.[0] ?? 0, message: "a name is text" });
    },
  });
  if (problems.length > 0) return problems;
  try {
    document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    // Of an alias without its anchor, or of too many.
    problems.push({ offset: lastAlias, message: (error as Error).message });
  }
  return problems;
}

function shortened(problems: readonly string[]): string[] {
  const more = problems.length - PROBLEMS_MAX;
  return more <= 0 ? [...problems] : [...problems.slice(0, PROBLEMS_MAX), `and ${more} others`];
}

/** The path of the option with whose name an error begins, such as "node.keyFile: …" or "node: seedList[0]: …". */
function pathOf(message: string): Path {
  const [, section = "", name] = /^([^:\s]+): (?:(\w+)(?:\[\d+\])?: )?/.exec(message) ?? [];
  return name === undefined ? section.split(".") : [...section.split("."), OPTION_FIELDS[name] ?? name];
}

/** Options of `Gossip` whose fields have other names here. */
const OPTION_FIELDS: Record<string, string | undefined> = {
  port: "listen", seedList: "seed", roundIntervalMs: "interval", broadcastAddress: "broadcast",
  removeAfterMs: "removeAfter", serialBytesMax: "serialBytes", neighboursMax: "neighbours",
  datagramBytesMax: "datagramBytes", valueBytesMax: "valueBytes",
};

function readConfig(file: string): string {
  try {
    const text = readFileSync(file, "utf8");
    if (text.length <= CONFIG_BYTES_MAX) return text;
  } catch (error) {
    throw new ConfigError(`${file}: ${(error as Error).message}`);
  }
  throw new ConfigError(`${file}: has more than ${CONFIG_BYTES_MAX} bytes`);
}

function override(config: unknown, path: Override["path"], value: unknown): void {
  if (typeof config !== "object" || config === null) return;
  const [section, name] = path;
  const sections = config as Record<string, unknown>;
  if (name === undefined) {
    sections[section] = value;
    return;
  }
  const inner = sections[section] ?? {};
  if (typeof inner === "object") sections[section] = { ...inner, [name]: value };
}

interface ShapeProblem {
  path: Path;
  message: string;
  /** It is the name that is wrong. */
  atKey: boolean;
}

let validate: ReturnType<Ajv["compile"]> | undefined;

function checkShape(config: unknown): ShapeProblem[] {
  if (validate === undefined) {
    const schema = createRequire(import.meta.url)("chisme/gateway.schema.json") as object;
    validate = new Ajv({ allErrors: true, verbose: true, strictRequired: false }).compile(schema);
  }
  if (validate(config)) return [];
  const errors = withoutChoices(validate.errors ?? []).map(problemOf).filter((problem) => problem !== undefined);
  // What is wrong inside is said inside.
  const inner = errors.filter(({ isSummary }) => !isSummary);
  return inner.length > 0 ? inner : errors;
}

/** Of fields one of which is enough, the schema says of each that it is missing: that becomes one error. */
function withoutChoices(errors: readonly ErrorObject[]): ErrorObject[] {
  const names = new Map<string, string[]>();
  return errors.filter(({ keyword, schemaPath, instancePath, params }) => {
    if (keyword !== "required" || !CHOICE.test(schemaPath)) return true;
    const place = `${instancePath} ${schemaPath.replace(CHOICE, "")}`;
    const others = names.get(place);
    const { missingProperty } = params as { missingProperty: string };
    if (others === undefined) names.set(place, [missingProperty]);
    else others.push(missingProperty);
    return others === undefined;
  }).map((error) => {
    const choices = names.get(`${error.instancePath} ${error.schemaPath.replace(CHOICE, "")}`);
    const isChoice = choices !== undefined && error.keyword === "required";
    return isChoice ? { ...error, params: { missingProperty: choices.join(" or ") } } : error;
  });
}

/** The end of the place in the schema of a field that is one of several. */
const CHOICE = /\/\d+\/required$/;

function problemOf(error: ErrorObject): (ShapeProblem & { isSummary: boolean }) | undefined {
  const path = readPointer(error.instancePath);
  const at = (message: string, more: Path = [], atKey = false, isSummary = false):
  ShapeProblem & { isSummary: boolean } => ({ path: [...path, ...more], message, atKey, isSummary });
  const params = error.params as Record<string, unknown>;
  const shown = show(error.data);
  switch (error.keyword) {
    case "additionalProperties": {
      const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
      return at(`is not known; known are ${known.join(", ")}`, [String(params.additionalProperty)], true);
    }
    case "required": return at(`${String(params.missingProperty)} is missing`, [], false);
    case "dependencies": return at(`${String(params.property)} has no effect without ${String(params.deps)}`);
    case "propertyNames": return undefined;
    case "type": return at(`${shown} is not ${an(String(params.type))}`);
    case "enum": return at(`${shown} is none of ${(params.allowedValues as unknown[]).join(", ")}`);
    case "pattern": return at(`${shown} is not of the form ${String(params.pattern)}`);
    case "minimum": case "maximum": case "exclusiveMinimum": case "exclusiveMaximum":
      return at(`${shown} is not ${String(params.comparison)} ${String(params.limit)}`);
    case "minLength": case "minItems": return at(`${shown} has less than ${String(params.limit)} ${unit(error)}`);
    case "maxLength": case "maxItems": case "maxProperties":
      return at(`${shown} has more than ${String(params.limit)} ${unit(error)}`);
    case "not":
      if (typeof error.data !== "object" || error.data === null) return undefined;
      return at("has two of a kind, such as keyFile and keyEnv: only one can be there");
    case "oneOf":
      return at(`${shown} is none of the forms that docs/GATEWAY.md has, or more than one`, [], false, true);
    default: return at(`${shown} ${error.message ?? "is wrong"}`, [], false, true);
  }
}

function unit({ keyword }: ErrorObject): string {
  return keyword.endsWith("Length") ? "characters" : "entries";
}

function an(type: string): string {
  return type === "string" ? "text" : type === "array" ? "a list" : type === "object" ? "a section"
    : type === "integer" ? "an integer" : type === "boolean" ? "true or false" : `a ${type}`;
}

function show(value: unknown): string {
  const text = typeof value === "number" ? String(value) : JSON.stringify(value) ?? "nothing";
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
}

function readPointer(pointer: string): Path {
  return pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => /^\d+$/.test(part) ? Number(part) : part);
}

function pathText(path: Path): string {
  return path.length === 0 ? "" : `${path.join(".")}: `;
}

/** Where the value at a path stands in the text, or its name; of what is not there, the section around it. */
function offsetOf(document: Document, path: Path, atKey: boolean): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    if (!isNode(parent)) continue;
    const last = path[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(last));
      if (!isPair(pair)) continue;
      const node = atKey && length === path.length ? pair.key : pair.value ?? pair.key;
      if (isNode(node) && node.range) return node.range[0];
    }
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return isNode(document.contents) && document.contents.range ? document.contents.range[0] : 0;
}
