import assert from "node:assert/strict";
import { Ajv } from "ajv";
import { HomeAssistant } from "../../../../desktop/gateway/mqtt/home-assistant.js";
import type { HomeAssistantSection } from "../../../../desktop/gateway/mqtt/mqtt-section.js";
import { Topics } from "../../../../desktop/gateway/mqtt/topics.js";
import type { NodeRow } from "../../../../src/gossip.js";

/** Units that Home Assistant's documentation of sensors allows for a class; classes without a unit have none. */
const UNITS_OF_CLASSES: Record<string, string[]> = {
  temperature: ["°C", "°F", "K"], humidity: ["%"], pressure: ["Pa", "kPa", "hPa", "bar", "mbar"], illuminance: ["lx"],
  distance: ["km", "m", "cm", "mm"], carbon_dioxide: ["ppm"], carbon_monoxide: ["ppm", "mg/m³"],
  voltage: ["V", "mV"], current: ["A", "mA"], power: ["mW", "W", "kW"], battery: ["%"],
};
const text = { type: "string", minLength: 1 };
const availability = {
  type: "array", minItems: 1,
  items: { type: "object", required: ["topic"], additionalProperties: false,
    properties: { topic: text, value_template: text, payload_available: text, payload_not_available: text } },
};
const shared = {
  platform: { enum: ["sensor", "binary_sensor"] }, unique_id: text, name: text, state_topic: text, value_template: text,
  availability, entity_category: { enum: ["config", "diagnostic"] }, icon: { type: "string", pattern: "^mdi:" },
  device_class: text,
};
/** The device discovery payload, after Home Assistant's documentation (MQTT integration, 2025). */
const isPayload = new Ajv({ strict: false }).compile({
  type: "object",
  required: ["device", "origin", "components"],
  additionalProperties: false,
  properties: {
    device: { type: "object", required: ["identifiers", "name"], additionalProperties: false,
      properties: { identifiers: { type: "array", items: text, minItems: 1 }, name: text, manufacturer: text,
        model: text, sw_version: text } },
    origin: { type: "object", required: ["name"], additionalProperties: false,
      properties: { name: text, sw_version: text, support_url: { type: "string", pattern: "^https://" } } },
    state_topic: text, qos: { enum: [0, 1, 2] }, availability, availability_mode: { enum: ["all", "any", "latest"] },
    components: {
      type: "object",
      propertyNames: { pattern: "^[A-Za-z0-9_-]+$" },
      additionalProperties: {
        type: "object", required: ["platform", "unique_id"],
        oneOf: [
          { additionalProperties: false, properties: { ...shared, platform: { const: "sensor" },
            unit_of_measurement: text, state_class: { enum: ["measurement", "total", "total_increasing"] } } },
          { additionalProperties: false, properties: { ...shared, platform: { const: "binary_sensor" },
            payload_on: text, payload_off: text } },
        ],
      },
    },
  },
});

interface Component { platform: string; unique_id: string; name: string; [more: string]: unknown }
interface Payload { device: { identifiers: string[]; name: string }; components: Record<string, Component> }

function made(row: Partial<NodeRow>, section: HomeAssistantSection = {}, network = "home"): Payload {
  const assistant = new HomeAssistant(section, new Topics("chisme"), network, "1.0");
  const whole = {
    id: 7, address: "10.0.0.7", port: 5000, revision: 0, heartbeat: 1, state: "up", data: undefined, ...row,
  };
  const payload = JSON.parse(JSON.stringify(assistant.payload(whole as NodeRow))) as Payload;
  const isRight: boolean = isPayload(payload);
  assert.ok(isRight, JSON.stringify(isPayload.errors));
  for (const { device_class: deviceClass, unit_of_measurement: unit, platform } of Object.values(payload.components)) {
    if (platform !== "sensor" || deviceClass === undefined) continue;
    assert.ok(UNITS_OF_CLASSES[deviceClass as string].includes(unit as string), JSON.stringify([deviceClass, unit]));
  }
  return payload;
}

describe("discovery by Home Assistant", () => {
  it("has a device with its state for a node without a value", () => {
    const { device, components } = made({ name: "hall" });
    assert.deepEqual(device.identifiers, ["chisme_home_7"]);
    assert.equal(device.name, "hall");
    assert.deepEqual(Object.keys(components), ["state"]);
  });

  it("has units and classes by name for all readings of docs/SENSORS.md", () => {
    const data = {
      temp: 21.5, "temp-out": 3, hum: 40, pres: 101300, lux: 12, dist: 3, soil: 0.5, co2: 800, co: 1, no2: 1, ch4: 1,
      pm: 3, volt: 3.3, amp: 0.1, watt: 3,
    };
    const { components } = made({ data });
    assert.equal(Object.keys(components).length, 1 + Object.keys(data).length);
    assert.equal(components.field_temp.device_class, "temperature");
    assert.equal(components["field_temp-out"].unit_of_measurement, "°C");
    assert.equal(components.field_hum.device_class, "humidity");
    assert.equal(components.field_no2.device_class, undefined);
    assert.equal(components.field_soil.unit_of_measurement, undefined);
  });

  it("shows a plain number, text and a switch as what they are", () => {
    assert.equal(made({ data: 21.5 }).components.field_.value_template,
      "{{ value_json if value_json is number else 'None' }}");
    const { components } = made({ data: { open: true, mode: "auto", list: [1] } });
    assert.deepEqual(Object.values(components).map(({ platform }) => platform), ["sensor", "binary_sensor", "sensor"]);
  });

  it("takes the first rule that fits", () => {
    const rules = [
      { field: "temp", unit: "°F", deviceClass: "temperature", name: "Kettle" },
      { field: "count*", stateClass: "total_increasing" as const },
      { field: "", unit: "%", deviceClass: "battery" },
    ];
    const { components } = made({ data: { temp: 200, "count.a": 3 } }, { rules });
    assert.equal(components.field_temp.name, "Kettle");
    assert.equal(components.field_temp.unit_of_measurement, "°F");
    assert.equal(components["field_count_2ea"].state_class, "total_increasing");
    assert.equal(made({ data: 80 }, { rules }).components.field_.device_class, "battery");
  });

  it("makes ids of a node, a field and a network that no other has", () => {
    const all = [
      made({ data: { "a b": 1, "a_20b": 2, state: 3 } }), made({ id: 8, data: 1 }), made({ data: 1 }, {}, "work"),
    ];
    const ids = all
      .flatMap(({ components }) => Object.values(components).map(({ unique_id: id }) => id));
    assert.equal(new Set(ids).size, ids.length);
  });

  it("a component has no value where the node shares one of another kind, such as a map in place of a number", () => {
    const { components } = made({ data: { open: true, mode: "auto", temp: 3 } });
    const template = (name: string): unknown => components[`field_${name}`].value_template;
    assert.equal(template("temp"), "{{ value_json[\"temp\"] if value_json[\"temp\"] is number else 'None' }}");
    assert.equal(template("mode"), "{{ value_json[\"mode\"] if value_json[\"mode\"] is string else 'None' }}");
    assert.equal(template("open"),
      "{{ ('on' if value_json[\"open\"] else 'off') if value_json[\"open\"] is boolean else 'None' }}");
  });

  it("keeps a field that is gone, so that its sensor shows that it has no value", () => {
    const assistant = new HomeAssistant({}, new Topics("chisme"), "home", "1.0");
    const row = { id: 7, address: "10.0.0.7", port: 5000, revision: 0, heartbeat: 1, state: "up" as const };
    assistant.payload({ ...row, data: { temp: 1, hum: 2 } });
    const { components } = assistant.payload({ ...row, data: { temp: 1 } }) as Payload;
    assert.deepEqual(Object.keys(components), ["state", "field_temp", "field_hum"]);
  });
});
