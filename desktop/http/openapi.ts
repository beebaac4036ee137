import { createRequire } from "node:module";
import { EVENTS_DEFAULT, EVENTS_MAX } from "../control/node-queries.js";

interface Schema {
  definitions: Record<string, Schema>;
  properties?: Record<string, unknown>;
  required?: string[];
  [keyword: string]: unknown;
}

const STATUS_SCHEMA = "https://github.com/chisme-gossip/chisme/blob/main/docs/status.schema.json";
const AT = "#/components/schemas/";
const load = createRequire(import.meta.url);

/** Definitions of docs/control.schema.json that the API uses. */
const USED = [
  "members", "member", "row", "event", "network", "networkNode", "networkLink", "networkFeeds", "networkRound",
  "networkMinMax", "action",
] as const;

/**
 * Describes the API as OpenAPI 3.1, with the objects of the control socket.
 *
 * @param names the paths that this network has; others are left out
 */
export function openApi(version: string, names: string[]): object {
  const control = load("chisme/control.schema.json") as Schema;
  const status = load("chisme/status.schema.json") as Schema;
  const { definitions, description, type, properties, required, additionalProperties } = status;
  const { event } = control.definitions;
  const schemas = {
    ...definitions,
    status: { description, type, properties, required, additionalProperties },
    ...Object.fromEntries(USED.map((name) => [name, control.definitions[name]])),
    numberedEvent: {
      ...event,
      description: "An event, with its number at this node.",
      properties: { number: integer(1), ...event.properties },
      required: ["number", ...event.required ?? []],
    },
    eventsPage: object({
      events: { type: "array", maxItems: EVENTS_MAX, items: { $ref: `${AT}numberedEvent` } },
      next: { ...integer(0), description: "Number to go on after." },
      skipped: { ...integer(0), description: "Events after the wanted number that the node no longer keeps here." },
      run: { type: "string", description: "Another text after each start of the node: numbers begin anew." },
    }),
    problem: object({
      type: { const: "about:blank" }, title: { type: "string" }, status: integer(400), detail: { type: "string" },
    }),
  };
  const all: Record<string, object> = {
    "/v1/network": get("All that the page shows at its start.", json("network")),
    "/v1/simulation": {
      ...get("The state of a simulation, and its inputs.", { "application/json": { schema: { type: "object" } } }),
      ...post("Plays a simulation, or does something to its network.", "action"),
    },
    "/v1/recording": {
      ...get("Where a recording is, and its last entries.", { "application/json": { schema: { type: "object" } } }),
      ...post("Plays a recording, steps, or jumps to a time.", "action"),
    },
    "/v1/actions": post("Changes the node, where --http-write allows it.", "action"),
    "/v1/nodes": get("All nodes.", json("members")),
    "/v1/status": get("The node and its surroundings.", json("status")),
    "/v1/events": get("Events in the order of their arrival.", json("eventsPage"), [
      query("after", "Only events after this number, the oldest first. Without it: the newest.", integer(0)),
      query("topic", "Only events of this topic.", { type: "string" }),
      query("limit", "The most events.", { ...integer(1), maximum: EVENTS_MAX, default: EVENTS_DEFAULT }),
    ]),
    "/v1/changes": get("Changes as server-sent events: start, row, forgotten, event, round, reset, skipped.",
      { "text/event-stream": { schema: { type: "string" } } }),
    "/v1/openapi.json": get("This document.", { "application/json": { schema: { type: "object" } } }),
    "/metrics": get("Counters for Prometheus.", { "text/plain": { schema: { type: "string" } } }),
  };
  const paths = Object.fromEntries(Object.entries(all).filter(([name]) =>
    name === "/v1/openapi.json" || names.includes(name)));
  const document = {
    openapi: "3.1.0",
    info: { title: "A chisme network", version, summary: "What a node of a gossip network knows." },
    servers: [{ url: "/" }],
    security: [{}, { token: [] }],
    paths,
    components: { schemas, securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  };
  return JSON.parse(JSON.stringify(document), inComponents) as object;
}

/** Leads references to the definitions of both schemas to where they stand in the document. */
function inComponents(keyword: string, value: unknown): unknown {
  if (keyword !== "$ref" || typeof value !== "string") return value;
  return value.replace(STATUS_SCHEMA, "").replace(/^(#\/definitions\/)/, AT).replace(/^$/, `${AT}status`);
}

function get(summary: string, content: object, parameters: object[] = []): object {
  const responses = {
    200: { description: summary, content },
    default: { description: "What was wrong.", content: { "application/problem+json": { schema: ref("problem") } } },
  };
  return { get: { summary, parameters, responses } };
}

function post(summary: string, body: string): object {
  const responses = {
    200: { description: "It was done.", content: { "application/json": { schema: { type: "object" } } } },
    default: { description: "What was wrong.", content: { "application/problem+json": { schema: ref("problem") } } },
  };
  return { post: { summary, requestBody: { required: true, content: json(body) }, responses } };
}

function query(name: string, description: string, schema: object): object {
  return { name, in: "query", description, schema };
}

function json(name: string): object {
  return { "application/json": { schema: ref(name) } };
}

function ref(name: string): object {
  return { $ref: AT + name };
}

function integer(minimum: number): object {
  return { type: "integer", minimum };
}

function object(properties: Record<string, object>): object {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
}
