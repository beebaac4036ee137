import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { nameOf, stepOf } from "../../src/sensors/names.js";
import { readingText, readingsText, unitOf } from "../../src/sensors/units.js";

const properties = ["temperature", "humidity", "pressure", "illuminance", "distance", "moisture", "CO2", "CO", "NO2",
  "CH4", "dust", "particulateMatter"];
/** Names with a unit that no property has by itself. */
const further = ["volt", "amp", "watt"];

describe("units", () => {
  it("each property has a name, and each name a unit", () => {
    for (const property of properties) {
      const unit = unitOf(nameOf(property));
      assert.ok(unit !== undefined && unit.senml !== "", property);
    }
    assert.equal(nameOf("x"), "");
  });

  it("docs/SENSORS.md has each property with its name, step and unit", () => {
    const page = readFileSync("docs/SENSORS.md", "utf8");
    for (const property of [...properties, ...further]) {
      const name = further.includes(property) ? property : nameOf(property);
      const unit = unitOf(name);
      const row = page.split("\n").find((line) => line.startsWith("|") && line.includes(`\`${property}\` |`)
        || line.includes(`\`${property}\`,`)) ?? "";
      const cells = row.split("|").map((cell) => cell.trim());
      assert.deepEqual(cells.slice(2, 6), [`\`${name}\``, unit?.text === "" ? "none" : unit?.text,
        `\`${unit?.senml}\``, stepOf(name) < 1 ? `1/${1 / stepOf(name)}` : String(stepOf(name))], property);
    }
  });

  it("a number or a word behind a hyphen marks another instance of the same", () => {
    for (const name of ["temp", "temp2", "temp12", "temp-out", "temp2-out"]) assert.equal(unitOf(name)?.text, "°C");
    for (const name of ["co2", "co2-2"]) assert.equal(unitOf(name)?.senml, "ppm");
    for (const name of ["tempo", "", "2", "-", "toString", "__proto__"]) assert.equal(unitOf(name), undefined, name);
  });

  it("a reading is shown with the digits of its unit", () => {
    assert.equal(readingText("temp", 21.375), "21.4 °C");
    assert.equal(readingText("temp", 21), "21 °C");
    assert.equal(readingText("pres", 101320), "101320 Pa");
    assert.equal(readingText("soil", 0.34375), "0.34");
    assert.equal(readingText("other", 0.375), "0.375");
  });

  it("a map of readings is a text, any other value is not", () => {
    assert.equal(readingsText({ temp: 21.375, hum: 40, door: true }), "temp 21.4 °C, hum 40 %, door on");
    for (const value of [5, "warm", null, undefined, [1], { value: 5 }, { temp: "warm" }, { a: { temp: 1 } }, {}]) {
      assert.equal(readingsText(value), undefined);
    }
  });
});
