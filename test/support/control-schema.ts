import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";

const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true });
for (const name of ["status", "control"]) {
  const text = readFileSync(new URL(`../../docs/${name}.schema.json`, import.meta.url), "utf8");
  ajv.addSchema(JSON.parse(text) as object, name);
}

/** Checks that an object is what a definition of docs/control.schema.json describes. */
export function assertShape(definition: string, object: unknown): void {
  const isValid = ajv.validate(`control#/definitions/${definition}`, object);
  assert.ok(isValid, `${JSON.stringify(object)} is no ${definition}: ${JSON.stringify(ajv.errors)}`);
}
