import assert from "node:assert/strict";
import fc from "fast-check";
import { Topics, levelOf, nameOf } from "../../../../desktop/gateway/mqtt/topics.js";
import { objectIdOf } from "../../../../desktop/gateway/mqtt/home-assistant.js";
import { propertyOptions } from "../../../support/random.js";

describe("levels of MQTT topics", () => {
  it("has letters, digits, _ and - as they are, and all else as %XX", () => {
    assert.equal(levelOf("door-1_a"), "door-1_a");
    assert.equal(levelOf("room/+/t#.x y%"), "room%2F%2B%2Ft%23%2Ex%20y%25");
    assert.equal(levelOf("Tür"), "T%C3%BCr");
    assert.equal(levelOf(""), "%");
  });

  it("makes no two names one, also for a broker that reads . as /, and finds each name again", () => {
    const alphabet = ["a", "b", ".", "/", "%", "+", "#", " ", "ü", "2", "F", "_", "\0", "$"];
    const name = fc.array(fc.constantFrom(...alphabet), { maxLength: 5 }).map((characters) => characters.join(""));
    const [levels, objectIds] = [new Map<string, string>(), new Map<string, string>()];
    fc.assert(fc.property(name, (text) => {
      const [level, objectId] = [levelOf(text), objectIdOf(text)];
      assert.match(level, /^[A-Za-z0-9_%-]+$/);
      assert.match(objectId, /^[A-Za-z0-9_-]*$/);
      assert.equal(levels.get(level) ?? text, text);
      assert.equal(objectIds.get(objectId) ?? text, text);
      assert.equal(nameOf(level), text);
      levels.set(level, text);
      objectIds.set(objectId, text);
    }), propertyOptions(20000));
  });

  it("takes no level that it would not write", () => {
    for (const level of ["a b", "a.b", "%2f", "%41", "%FF", "%", "a%", "%%", "ü"]) {
      assert.equal(nameOf(level), level === "%" ? "" : undefined, level);
    }
  });

  it("reads its commands from topics", () => {
    const topics = new Topics("my/house");
    assert.deepEqual(topics.command("my/house/topics/voucher/a%2Fb/set"),
      { action: "set", topic: "voucher", key: "a/b" });
    assert.deepEqual(topics.command("my/house/log/door/set"), { action: "log", topic: "door" });
    assert.deepEqual(topics.command("my/house/value/set"), { action: "push" });
    assert.equal(topics.command("my/house/log/do or/set"), undefined);
    assert.equal(topics.idOf("my/house/nodes/4294967295/state"), 4294967295);
    assert.equal(topics.idOf("my/house/log/door/set"), undefined);
  });
});
