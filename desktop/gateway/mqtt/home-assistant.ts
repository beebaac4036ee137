import type { NodeRow } from "../../../src/gossip.js";
import { baseOf } from "../../../src/sensors/names.js";
import { unitOf } from "../../../src/sensors/units.js";
import type { FieldRule, HomeAssistantSection } from "./mqtt-section.js";
import type { Topics } from "./topics.js";

/** Classes of Home Assistant by base name (docs/SENSORS.md), where it has one whose units are those of the name. */
const CLASSES: Record<string, string | undefined> = {
  temp: "temperature", hum: "humidity", pres: "pressure", lux: "illuminance", dist: "distance", co2: "carbon_dioxide",
  co: "carbon_monoxide", volt: "voltage", amp: "current", watt: "power",
};
/** Fields of a node's value that are shown. A value has at most 255 bytes. */
const FIELDS_MAX = 64;
/** States in which a node's value counts. */
const AVAILABLE = "['up', 'probed', 'suspect', 'asleep']";
const SUPPORT_URL = "https://github.com/chisme-gossip/chisme";
const STATE = "state";

type Kind = "number" | "boolean" | "text";

/** Makes a name one that Home Assistant allows in topics and ids, without making two names one. */
export function objectIdOf(name: string): string {
  return [...Buffer.from(name, "utf8")]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9-]/.test(character) ? character : `_${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");
}

/** Writes Home Assistant's discovery payloads: a device for each node. */
export class HomeAssistant {
  private readonly topics: Topics;
  private readonly prefix: string;
  private readonly rules: { pattern: RegExp; rule: FieldRule }[];
  private readonly version: string;
  /** Of this network, so that two networks at one broker have devices of their own. */
  private readonly network: string;
  /** Fields that a node had since the gateway began: a sensor that fails stays, without a value. */
  private readonly fields = new Map<number, Map<string, Kind>>();

  constructor(section: HomeAssistantSection, topics: Topics, network: string, version: string) {
    this.topics = topics;
    this.prefix = section.prefix ?? "homeassistant";
    this.rules = (section.rules ?? []).map((rule) => ({ pattern: patternOf(rule.field), rule }));
    this.network = objectIdOf(network);
    this.version = version;
  }

  /** Where Home Assistant says "online" when it has started. */
  get birth(): string { return `${this.prefix}/status`; }

  topic(id: number): string { return `${this.prefix}/device/${this.deviceId(id)}/config`; }

  forget(id: number): void {
    this.fields.delete(id);
  }

  payload(row: NodeRow): object {
    const { topics } = this;
    const id = this.deviceId(row.id);
    const components: Record<string, object> = {
      [STATE]: {
        platform: "sensor", unique_id: `${id}_${STATE}`, name: "State", state_topic: topics.state(row.id),
        entity_category: "diagnostic", icon: "mdi:lan-connect",
        // Known also when the node is not.
        availability: [{ topic: topics.status }],
      },
    };
    for (const [field, kind] of this.fieldsOf(row)) {
      components[`field_${objectIdOf(field)}`] = {
        unique_id: `${id}_field_${objectIdOf(field)}`, ...this.component(field, kind),
      };
    }
    return {
      device: {
        identifiers: [id], name: row.name ?? `chisme ${row.id}`, manufacturer: "chisme",
        ...row.version !== undefined && { sw_version: row.version },
      },
      origin: { name: "chisme", sw_version: this.version, support_url: SUPPORT_URL },
      components,
      state_topic: topics.value(row.id),
      qos: 1,
      availability: [
        { topic: topics.status },
        {
          topic: topics.state(row.id),
          value_template: `{{ 'online' if value in ${AVAILABLE} else 'offline' }}`,
        },
      ],
      availability_mode: "all",
    };
  }

  private deviceId(id: number): string {
    return `chisme_${this.network}_${id}`;
  }

  private fieldsOf({ id, data }: NodeRow): Map<string, Kind> {
    const fields = this.fields.get(id) ?? new Map<string, Kind>();
    this.fields.set(id, fields);
    for (const [name, value] of Object.entries(namedValues(data))) {
      const kind = kindOf(value);
      if (kind !== undefined && (fields.has(name) || fields.size < FIELDS_MAX)) fields.set(name, kind);
    }
    return fields;
  }

  private component(field: string, kind: Kind): object {
    const rule = this.rules.find(({ pattern }) => pattern.test(field))?.rule;
    const at = field === "" ? "value_json" : `value_json[${JSON.stringify(field)}]`;
    const name = rule?.name ?? (field === "" ? "Value" : field);
    const chosenClass = rule?.deviceClass;
    if (kind === "boolean") {
      return {
        platform: "binary_sensor", name, payload_on: "on", payload_off: "off",
        value_template: `{{ ('on' if ${at} else 'off') if ${at} is boolean else 'None' }}`,
        ...chosenClass !== undefined && { device_class: chosenClass },
      };
    }
    // A component stays when the node later shares something else, such as a map in place of a number.
    const test = kind === "text" ? "string" : "number";
    const sensor = { platform: "sensor", name, value_template: `{{ ${at} if ${at} is ${test} else 'None' }}` };
    if (kind === "text") return sensor;
    const unit = rule?.unit ?? unitOf(field)?.text ?? "";
    const deviceClass = chosenClass ?? (rule?.unit === undefined ? CLASSES[baseOf(field)] : undefined);
    const stateClass = rule?.stateClass ?? "measurement";
    return {
      ...sensor,
      ...unit !== "" && { unit_of_measurement: unit },
      ...deviceClass !== undefined && { device_class: deviceClass },
      ...stateClass !== "none" && { state_class: stateClass },
    };
  }
}

function namedValues(data: unknown): Record<string, unknown> {
  if (kindOf(data) !== undefined) return { "": data };
  if (typeof data !== "object" || data === null || Array.isArray(data) || data instanceof Uint8Array) return {};
  return data as Record<string, unknown>;
}

function kindOf(value: unknown): Kind | undefined {
  if (typeof value === "number") return "number";
  if (typeof value === "boolean") return "boolean";
  return typeof value === "string" ? "text" : undefined;
}

function patternOf(field: string): RegExp {
  return new RegExp(`^${field.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`, "s");
}
