import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, loadConfig } from "../../../desktop/gateway/config.js";
import { Gateway } from "../../../desktop/gateway/gateway.js";
import { GatewayLog } from "../../../desktop/gateway/gateway-log.js";
import { INITIAL_CONFIG, writeInitialConfig } from "../../../desktop/gateway/initial-config.js";
import { readSecret } from "../../../desktop/gateway/secrets.js";
import { cleanUp, freshFolder } from "../cli/node-process.js";

describe("configuration of chisme gateway", () => {
  afterEach(cleanUp);

  const problemsOf = (text: string): string[] => {
    const file = join(freshFolder(), "gateway.yaml");
    writeFileSync(file, text);
    try {
      loadConfig(file);
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.message.replaceAll(file, "gateway.yaml").split("\n");
    }
    return [];
  };

  it("names file, line, column and field of all that is wrong", () => {
    const wrong: [string, RegExp[]][] = [
      ["storage: x\nnode:\n  intervall: 3\n", [/^gateway.yaml:3:3: node.intervall: is not known; known are listen, /]],
      ["storage: x\nnode:\n  interval: ten\n", [/^gateway.yaml:3:13: node.interval: "ten" is not an integer$/]],
      ["storage: x\nnode: {interval: 5}\n", [/^gateway.yaml:2:18: node.interval: 5 is not >= 100$/]],
      ["storage: x\nnode: {time: gps}\n", [/^gateway.yaml:2:14: node.time: "gps" is none of clock, peers, none$/]],
      ["storage: x\nnode:\n  keyFile: a\n  keyEnv: b\n", [/^gateway.yaml:3:3: node: has two of a kind/]],
      ["node: {}\n", [/^gateway.yaml:1:1: storage is missing$/]],
      ["", [/^gateway.yaml:1:1: storage is missing$/]],
      ["- storage\n", [/^gateway.yaml:1:1: \["storage"\] is not a section$/]],
      ["storage: [1\n", [/^gateway.yaml:2:1: Flow sequence/]],
      ["storage: a\nstorage: b\n", [/^gateway.yaml:2:1: Map keys must be unique$/]],
      ["storage: x\nhooks:\n  door: {timeoutSeconds: 5}\n", [/^gateway.yaml:3:9: hooks.door: command or url is missing$/]],
      ["storage: x\nhooks:\n  door: {url: ftp://x}\n",
        [/^gateway.yaml:3:15: hooks.door.url: "ftp:\/\/x" is not of the/]],
      ["storage: x\nhooks:\n  door: {command: ls, tokenFile: x}\n",
        [/^gateway.yaml:3:9: hooks.door: tokenFile has no effect without url$/]],
      ["storage: x\npublish:\n  - {topic: a, command: [], everySeconds: 1}\n",
        [/^gateway.yaml:3:25: publish.0.command: \[\] has less than 1 entries$/]],
      ["storage: 5\nsqlite: {retention: {days: 0}}\n",
        [/^gateway.yaml:1:10: storage: 5 is not text$/, /^gateway.yaml:2:28: sqlite.retention.days: 0 is not > 0$/]],
      ["site: x\nstorage: *none\n", [/^gateway.yaml:2:10: Unresolved alias .*: none$/]],
      ["storage: x\nhooks: &all {door: *all}\n", [/^gateway.yaml:2:20: the anchor all holds itself$/]],
      ["storage: !mine x\n", [/^gateway.yaml:1:10: Unresolved tag: !mine$/]],
      ["storage: x\nhooks: {[a]: {command: b}}\n", [/^gateway.yaml:2:9: a name is text$/]],
      ["storage: x\nnode: {interval: .nan}\n", [/^gateway.yaml:2:18: node.interval: NaN is not an integer$/]],
      [`storage: ${"[".repeat(20000)}\n`, [/^gateway.yaml:1:\d+: it is nested too deep$/]],
      ["storage: x\nsite: \"\\0\"\n", [/^gateway.yaml:2:7: site: "\\u0000" is not of the form/]],
    ];
    for (const [text, expected] of wrong) {
      const problems = problemsOf(text);
      for (const one of expected) assert.ok(problems.some((problem) => one.test(problem)), problems.join("\n"));
    }
  });

  it("names what is wrong in the order of the file", () => {
    const problems = problemsOf("storage: x\nmqtt: {}\nhooks:\n  door: {comand: x}\nsqlite: {retention: {days: 0}}\n");
    assert.deepEqual(problems.map((problem) => problem.split(": ").slice(0, 2).join(": ")), [
      "gateway.yaml:2:7: mqtt", "gateway.yaml:4:9: hooks.door", "gateway.yaml:4:10: hooks.door.comand",
      "gateway.yaml:5:28: sqlite.retention.days",
    ]);
  });

  it("says of a section without a value only that it is none", () => {
    assert.deepEqual(problemsOf("storage: x\nnode:\n"), ["gateway.yaml:2:6: node: null is not a section"]);
    const aliases = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c]\n";
    assert.match(problemsOf(aliases).join(), /^gateway.yaml:4:11: Excessive alias count[^,]*$/);
  });

  it("names the line also of what the schema cannot say: ports, subnets, secrets, two publishers of a topic", () => {
    const file = join(freshFolder(), "gateway.yaml");
    writeFileSync(file, `storage: x
node:
  listen: "127.0.0.1:99999"
http:
  tokenFile: none
publish:
  - {topic: a, everySeconds: 1, command: x}
  - {topic: a, everySeconds: 2, command: y}
hooks:
  door: {url: "http://a", tokenEnv: CHISME_TEST_NONE}
`);
    assert.throws(() => {
      new Gateway(loadConfig(file), new GatewayLog(() => undefined), () => undefined).check();
    }, (error: Error) => {
      assert.ok(error instanceof ConfigError);
      const lines = error.message.replaceAll(file, "gateway.yaml").split("\n");
      const expected = [
        "3:11: node: port: 99999", "10:37: hooks.door.tokenEnv: the variable CHISME_TEST_NONE is empty",
        "5:14: http.tokenFile: ENOENT", "8:13: publish.1.topic: publish.0 has it, too",
      ];
      assert.equal(lines.length, expected.length, error.message);
      expected.forEach((start, place) => assert.ok(lines[place].startsWith(`gateway.yaml:${start}`), lines[place]));
      return true;
    });
  });

  it("a flag stands in place of the file, and its errors name it", () => {
    const flag = { flag: "--sqlite", path: ["sqlite", "file"] as [string, string], value: "r.db" };
    const storage = { flag: "--storage", path: ["storage"] as [string], value: "s" };
    assert.deepEqual(loadConfig(undefined, [flag, storage]).config, { storage: "s", sqlite: { file: "r.db" } });
    assert.throws(() => loadConfig(undefined, [{ ...flag, value: "" }, storage]),
      /^ConfigError: --sqlite: sqlite.file: ""/);
    assert.throws(() => loadConfig(undefined, [flag]), /^ConfigError: there is no configuration: give its file, or --storage FOLDER$/);
  });

  it("the configuration of --init is a good one, also with all that it has in comments; a file is left alone", () => {
    const file = join(freshFolder(), "gateway.yaml");
    writeInitialConfig(file);
    assert.equal(readFileSync(file, "utf8"), INITIAL_CONFIG);
    assert.equal(loadConfig(file).config.sqlite?.file, "readings.db");
    assert.throws(() => writeInitialConfig(file), /is there already, and stays as it is/);
    const all = INITIAL_CONFIG.split("\n").map((line) => line.replace(/^( *)# ( *(- )?[\w+]+:( .*)?)$/, "$1$2"));
    writeFileSync(file, all.join("\n"));
    const { config } = loadConfig(file);
    assert.deepEqual(Object.keys(config).sort(),
      ["hooks", "http", "mqtt", "node", "publish", "site", "sites", "sqlite", "storage"]);
  });

  it("no log shows a secret, whatever is logged", () => {
    const lines: string[] = [];
    const log = new GatewayLog((line) => lines.push(line));
    const folder = freshFolder();
    writeFileSync(join(folder, "password"), "s3cret/word\n");
    const place = { folder, hide: (secret: string) => log.hide(secret), environment: () => log.environment() };
    assert.equal(readSecret(place, "mqtt", { passwordFile: "password" }, "password"), "s3cret/word");
    log.part("mqtt").warn("mqtt://me:s3cret%2Fword@broker: s3cret/word\nwas refused");
    assert.deepEqual(lines, ["warning: mqtt: mqtt://me:***@broker: *** was refused"]);
    log.hide("s3cret/word and more");
    log.part("mqtt").warn("s3cret/word and more");
    assert.equal(lines.at(-1), "warning: mqtt: ***", "also of one that begins as another one");
    process.env.CHISME_TEST_PASSWORD = "abc";
    readSecret(place, "mqtt", { passwordEnv: "CHISME_TEST_PASSWORD" }, "password");
    assert.ok(!("CHISME_TEST_PASSWORD" in log.environment()), "commands do not get a short one either");
    process.env.CHISME_TEST_PASSWORD = "s3cret/word";
    try {
      assert.equal(readSecret(place, "mqtt", { passwordEnv: "CHISME_TEST_PASSWORD" }, "password"), "s3cret/word");
      assert.ok(!("CHISME_TEST_PASSWORD" in log.environment()), "commands do not get it");
    } finally {
      delete process.env.CHISME_TEST_PASSWORD;
    }
    assert.throws(() => readSecret(place, "mqtt", { passwordEnv: "CHISME_TEST_NONE" }, "password"),
      /^Error: mqtt.passwordEnv: the variable CHISME_TEST_NONE is empty$/);
    assert.throws(() => readSecret(place, "mqtt", { passwordFile: "none" }, "password"),
      /^Error: mqtt.passwordFile: ENOENT/);
  });
});
