import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { assertShape } from "../../support/control-schema.js";
import { requireSocat } from "../pty.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "./node-process.js";
import { main } from "../../support/command-line.js";

interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** The sources of the command in one file, which starts sooner. In this tree, where its packages are found. */
const bundle = fileURLToPath(new URL(`../../../build/test-${process.pid}/main.mjs`, import.meta.url));

/** A runtime folder of each test, so that its commands find its nodes only. */
let runtime: string;
let port: number;
const children = new Set<ChildProcess>();

/** `chisme …`, until it ends. */
async function chisme(...args: string[]): Promise<Result> {
  const child = spawn(process.execPath, [bundle, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text: Buffer) => { stdout += text.toString(); });
  child.stderr.on("data", (text: Buffer) => { stderr += text.toString(); });
  const [status] = await once(child, "close") as [number | null];
  children.delete(child);
  return { status, stdout, stderr };
}

/** What a command prints that must do its work. */
async function print(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await chisme(...args);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" }, args.join(" "));
  return stdout;
}

async function json(definition: string, ...args: string[]): Promise<Record<string, unknown>> {
  const object = JSON.parse(await print(...args, "--json")) as Record<string, unknown>;
  assertShape(definition, object);
  return object;
}

function start(host: number, name: string, ...more: string[]): NodeProcess {
  return new NodeProcess(
    "--listen", `127.0.0.${host}:${port}`, "--seed", `127.0.0.${5 - host}`, "--interval", "500", "--broadcast", "none",
    "--name", name, "--json", ...more,
  );
}

/** Until a node listens on its control socket and has noted that. */
async function untilNoted(count: number): Promise<void> {
  const folder = join(runtime, "chisme");
  const notes = (): string[] => existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  for (let i = 0; notes().length < count; i++) {
    assert.ok(i < 1000, `${notes().length} of ${count} nodes noted themselves`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("commands to a running node", function () {
  this.timeout(120000);
  const runtimeBefore = process.env.XDG_RUNTIME_DIR;

  before(() => {
    buildSync({
      entryPoints: [main], outfile: bundle, bundle: true, platform: "node", format: "esm", packages: "external",
    });
  });
  after(() => rmSync(join(bundle, ".."), { recursive: true, force: true }));

  beforeEach(() => {
    runtime = freshFolder();
    process.env.XDG_RUNTIME_DIR = runtime;
    port = freshPort();
  });

  afterEach(async () => {
    process.env.XDG_RUNTIME_DIR = runtimeBefore;
    for (const child of children) child.kill("SIGKILL");
    await cleanUp();
  });

  it("each command asks or changes one of two nodes, and says which there are", async () => {
    const storage = join(freshFolder(), "kitchen");
    const kitchen = start(2, "kitchen", "--storage", storage, "--value", "21.5");
    const hall = start(3, "hall");
    await kitchen.untilRow("knows hall", "127.0.0.3", (row) => row.name === "hall");
    await hall.untilRow("knows kitchen", "127.0.0.2", (row) => row.name === "kitchen");
    await untilNoted(2);
    const socket = join(runtime, "chisme", `127.0.0.3-${port}.sock`);
    const hallId = hall.row("127.0.0.3")?.id ?? 0;

    const [none, both, absent, wrong] = await Promise.all([
      chisme("members"), chisme("members", "--storage", storage, "--socket", socket),
      chisme("members", "--storage", freshFolder()), chisme("members", "--socket", main),
    ]);
    assert.equal(none.stderr, `error: 2 nodes run here; name one:\n  --socket ${socket}  ("hall", 127.0.0.3:${port}, `
      + `process ${hall.pid})\n  --storage ${storage}  ("kitchen", 127.0.0.2:${port}, process ${kitchen.pid})\n`);
    assert.equal(both.stderr, "error: --socket: has no effect beside --storage\n");
    assert.match(absent.stderr, /^error: no node runs at .*control\.sock\n$/);
    assert.match(wrong.stderr, /^error: .*main\.mjs is no socket\n$/);
    assert.deepEqual([none, both, absent, wrong].map(({ status }) => status), [1, 1, 1, 1]);
    assert.equal(statSync(join(storage, "control.sock")).mode & 0o777, 0o600);
    assert.equal(statSync(join(runtime, "chisme")).mode & 0o777, 0o700);

    const at = ["--storage", storage];
    assert.deepEqual(await Promise.all([
      print("set", ...at, "voucher", "7", '{"paid":true}'), print("push", ...at, "-5.5"),
      print("log", ...at, "door", "open", "wide"), print("send", ...at, "hall", "lamp", "on"),
    ]), ["", "", "", "delivered\n"]);
    await hall.until("hall has the event", () => hall.events.some((event) =>
      event.event === "feedEvent" && event.topic === "voucher"));
    await hall.until("hall has the message", () => hall.events.some((event) => event.event === "message"));
    await hall.untilRow("has the value", "127.0.0.2", ({ data }) => data === -5.5);

    const [members, status, stats, value, nothing, lost] = await Promise.all([
      json("members", "members", ...at), json("status", "status", ...at), json("stats", "stats", ...at),
      json("value", "get", "--socket", socket, "voucher", "7"), chisme("get", ...at, "voucher", "8"),
      chisme("send", ...at, "attic", "lamp", "on"),
    ]);
    const shown = members.members as Record<string, unknown>[];
    assert.deepEqual(shown.map(({ name, data, isSelf }) => [name, data, isSelf]).sort(),
      [["hall", undefined, false], ["kitchen", -5.5, true]]);
    const { inStateMs, lastHeardMs } = shown.find(({ name }) => name === "hall") as Record<string, number>;
    assert.ok(lastHeardMs < inStateMs, `heard ${lastHeardMs} ms ago, up for ${inStateMs} ms`);
    assert.equal((status.node as { name: string }).name, "kitchen");
    assert.equal((stats.messages as { sent: number }).sent, 1);
    assert.deepEqual(value, { value: { paid: true } });
    assert.deepEqual([nothing.status, nothing.stdout, nothing.stderr], [1, "", "nothing is set\n"]);
    assert.deepEqual([lost.status, lost.stdout], [1, "unknown: no live node has this name, id or address\n"]);

    // What a terminal would obey is escaped in JSON, and nothing of it is lost.
    const obeyed = "\u009b31m\u202e\u200f\u007f\u2028";
    await print("log", ...at, "colour", obeyed);
    await print("push", ...at, obeyed);
    const shownRaw = await Promise.all([
      print("members", ...at, "--json"), print("events", ...at, "--topic", "colour", "--json"),
    ]);
    for (const text of shownRaw) {
      assert.ok(![...obeyed].some((character) => !/\w/.test(character) && text.includes(character)), text);
    }
    const { members: raw } = JSON.parse(shownRaw[0]) as { members: { data?: unknown }[] };
    assert.ok(raw.some(({ data }) => data === obeyed));
    assert.equal((JSON.parse(shownRaw[1]) as { value: unknown }).value, obeyed);
    await print("push", ...at, "-5.5");

    const [table, lines, events, refused, isUp] = await Promise.all([
      print("members", ...at), print("status", ...at), print("events", ...at, "--topic", "door", "--json"),
      chisme("log", ...at, "t".repeat(32), "x"), chisme("forget", ...at, "hall"),
    ]);
    const [titles, ...rows] = table.trimEnd().split("\n");
    assert.match(titles, /^state +name +id +address +for +heard +trip +rev +value$/);
    assert.match(rows.find((row) => row.includes("hall")) ?? "",
      new RegExp(`^\\+ up +hall +${hallId}  127\\.0\\.0\\.3 +(\\d+m )?\\d+s +\\d+s +\\d+(\\.\\d)? ms +0  -$`));
    assert.match(rows.find((row) => row.includes("kitchen")) ?? "",
      /^\+ up +kitchen +\d+ {2}127\.0\.0\.2 +(\d+m )?\d+s +0 {2}-5\.5 {2}\(this node\)$/);
    assert.ok(!table.includes("\u001b"), "no colours in a pipe");
    assert.match(lines, /^node +kitchen, 127\.0\.0\.2:/);
    const event = JSON.parse(events) as Record<string, unknown>;
    assertShape("event", event);
    assert.deepEqual([event.topic, event.value, event.authorName], ["door", "open wide", "kitchen"]);
    assert.match(refused.stderr, /^error: log: topic: /);
    assert.match(isUp.stderr, /^error: forget: node \d+ is (up|probed), neither down nor left\n$/);

    await print("remove", "--socket", socket, "voucher", "7");
    await kitchen.until("kitchen has the removal", () => kitchen.events.some((one) =>
      one.event === "feedEvent" && one.kind === "remove"));
    await print("leave", "--socket", socket);
    assert.equal((await hall.exited).status, 0);
    assert.ok(!existsSync(socket));
    // Only one is left, so none needs to be named.
    await kitchen.untilRow("knows that hall left", "127.0.0.3", (row) => row.state === "left");
    assert.match(await print("members"), /^- left +hall /m);
    await print("forget", "hall");
    assert.match(await print("members"), /^\. removed +hall /m);
    kitchen.write("quit\n");
    await kitchen.exited;
    const over = await chisme("members");
    assert.equal(over.stderr, "error: no node of this user runs here; chisme node starts one\n");
    assert.deepEqual(readdirSync(join(runtime, "chisme")), []);
    assert.ok(!existsSync(join(storage, "control.sock")));
  });

  it("the note of a node that was killed while it wrote it is removed by the next command", async () => {
    await start(2, "kitchen", "--storage", join(freshFolder(), "kitchen")).untilStarted();
    await untilNoted(1);
    // No process has this number: Linux has 2^22 at most.
    const note = join(runtime, "chisme", "4194305.json");
    writeFileSync(note, "{\"pid\":419");
    assert.match(await print("members"), /kitchen/);
    assert.ok(!existsSync(note));
  });

  it("a node that was killed leaves no trace once another one runs; --socket none makes no socket", async () => {
    const storage = join(freshFolder(), "kitchen");
    const killed = start(2, "kitchen", "--storage", storage);
    await untilNoted(1);
    await killed.kill();
    assert.ok(existsSync(join(storage, "control.sock")));
    const gone = await chisme("members", "--storage", storage);
    assert.match(gone.stderr, /^error: no node runs at .*: the one that did was killed\n$/);
    const again = start(2, "kitchen", "--storage", storage);
    const hidden = start(3, "hall", "--socket", "none");
    await hidden.untilStarted();
    await again.untilRow("knows hall", "127.0.0.3", (row) => row.name === "hall");
    await untilNoted(1);
    assert.match(await print("members"), /kitchen.*\(this node\)/);
    assert.deepEqual(readdirSync(join(runtime, "chisme")), [`${again.pid}.json`]);

    // A path that another node serves is left to it.
    const third = new NodeProcess("--listen", `127.0.0.4:${port}`, "--socket", join(storage, "control.sock"));
    await third.until("the warning", () => third.stderr !== "");
    assert.match(third.stderr, /^warning: --socket: .*control\.sock is in use by a running node; no command can ask/);
    assert.match(await print("members", "--storage", storage), /kitchen.*\(this node\)/);
  });

  it("events --follow prints what is held, then what comes, until the node ends", async () => {
    const kitchen = start(2, "kitchen");
    await untilNoted(1);
    kitchen.write("log door 1\nlog window 2\n");
    await kitchen.until("both events", () => kitchen.events.filter(({ event }) => event === "feedEvent").length === 2);
    const following = spawn(process.execPath, [bundle, "events", "--follow", "--topic", "door", "--json"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.add(following);
    let [printed, problem] = ["", ""];
    const until = async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(printed)) await once(following.stdout, "data");
    };
    following.stdout.on("data", (text: Buffer) => { printed += text.toString(); });
    following.stderr.on("data", (text: Buffer) => { problem += text.toString(); });
    await until(/"value":1/);
    kitchen.write("log window 3\nlog door 4\n");
    await until(/"value":4/);
    // A command whose reader has gone ends quietly.
    const piped = spawn("sh", ["-c", `"${process.execPath}" "${bundle}" events --follow 2>&1 >&3 3>&- | cat >&2`], {
      stdio: ["ignore", "ignore", "pipe", "pipe"],
    });
    children.add(piped);
    let complaint = "";
    piped.stderr?.on("data", (text: Buffer) => { complaint += text.toString(); });
    await once(piped.stdio[3] as NodeJS.ReadableStream, "data");
    (piped.stdio[3] as Socket).destroy();
    kitchen.write("log window 5\nlog window 6\n");
    await once(piped, "close");
    children.delete(piped);
    assert.equal(complaint, "");

    kitchen.write("leave\n");
    const [status] = await once(following, "close") as [number];
    const values = printed.trimEnd().split("\n").map((line) => (JSON.parse(line) as { value: number }).value);
    assert.deepEqual(values, [1, 4]);
    assert.deepEqual([status, problem], [1, "error: the node ended the connection: it stops, or was stopped\n"]);
    children.delete(following);
  });

  it("members --watch redraws, follows the size of the terminal, and gives it back as it was", async function () {
    requireSocat(this);
    const kitchen = start(2, "kitchen", "--interval", "200");
    await untilNoted(1);
    const tty = join(runtime, "tty");
    const command = `"${process.execPath}" "${bundle}" members --watch`;
    const inner = `tty > ${tty}; stty rows 9 cols 60; ${command}; echo status $?; stty -a; read line`;
    const child = spawn("socat", ["-t", "5", "-", `SYSTEM:'${inner.replaceAll(":", "\\:")}',pty,setsid,ctty,stderr`],
      { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, TERM: "xterm", FORCE_COLOR: "1" } });
    children.add(child);
    let screen = "";
    child.stdout.on("data", (text: Buffer) => { screen += text.toString(); });
    const until = async (what: string, condition: () => boolean): Promise<void> => {
      for (let i = 0; !condition(); i++) {
        assert.ok(i < 2000, `waited in vain until ${what}:\n${JSON.stringify(screen.slice(-2000))}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    const escape = "\u001b";
    await until("the list is drawn", () => screen.includes("q ends"));
    assert.ok(screen.startsWith(`${escape}[?1049h${escape}[?25l`));
    assert.ok(screen.includes(`${escape}[32m+ up`), "up is green");
    const hall = start(3, "hall", "--interval", "200");
    await until("the other node is drawn", () => screen.includes("2 nodes: 2 up"));
    await hall.kill();
    await until("it is drawn as down", () => screen.includes(`${escape}[31mx down`));

    screen = "";
    execFileSync("stty", ["-F", readFileSync(tty, "utf8").trim(), "rows", "6", "cols", "20"]);
    // The terminal gets its rows and its columns one after the other, and may be drawn between.
    const drawn = (): string[] => {
      const last = screen.split(`${escape}[H`).at(-1) ?? "";
      // eslint-disable-next-line no-control-regex -- What is drawn, without colours.
      return last.replace(/\u001b\[[\d;?]*[A-Za-z]/g, "").split(/\r*\n/);
    };
    await until("it is drawn smaller", () => (
      drawn().some((line) => line.startsWith("q ends; 1 to 1, a")) && drawn().every((line) => line.length <= 20)
    ));
    const first = /(kitchen|hall) /.exec(drawn().join("\n"))?.[1];
    child.stdin.write("j");
    await until("the next one is drawn", () => drawn().some((line) => line.includes("2 to 2")));
    assert.ok(!drawn().join("\n").includes(`${first} `));
    const resize = (rows: number, columns: number): void => {
      screen = "";
      const size = ["rows", String(rows), "cols", String(columns)];
      execFileSync("stty", ["-F", readFileSync(tty, "utf8").trim(), ...size]);
    };
    resize(3, 20);
    // The one before the last is complete.
    await until("3 lines are drawn", () => screen.split(`${escape}[H`).at(-2)?.split("\n").length === 3);
    resize(0, 0);
    await until("a terminal without a size gets all", () => screen.includes("2 nodes: "));

    child.stdin.write("q");
    await until("it ends", () => screen.includes("status 0"));
    assert.ok(screen.includes(`${escape}[?25h${escape}[?1049lstatus 0`));
    await until("the terminal's settings", () => /[^-]icanon\b/.test(screen) && /[^-]echo\b/.test(screen));
    child.stdin.write("\n");
    await once(child, "close");
    children.delete(child);
    const [pipe, both] = await Promise.all([chisme("members", "--watch"), chisme("members", "--watch", "--json")]);
    assert.equal(pipe.stderr, "error: --watch: the output is no terminal\n");
    assert.match(both.stderr, /^error: --watch: not with --json/);
    kitchen.write("quit\n");
    await kitchen.exited;
  });

  it("the prompt has the same commands, and help for each", async () => {
    const kitchen = new NodeProcess("--listen", `127.0.0.2:${port}`, "--socket", "none");
    await kitchen.untilStarted();
    kitchen.write("push 7\nset voucher 7 1\nget voucher 7\nget voucher 8\nmembers\nevents\nevents none\nstats\n");
    await kitchen.until("the answers", () => kitchen.lines.some((line) => line.startsWith("lost ")));
    const lines = kitchen.lines.slice(kitchen.lines.findIndex((line) => / set voucher 7 1 /.test(line)) + 1);
    assert.deepEqual(lines.slice(0, 2), ["1", "nothing is set"]);
    assert.match(lines[2], /^state +id +address +for +heard +rev +value$/);
    assert.match(lines[3], /^\+ up +\d+ {2}127\.0\.0\.2 +0s +0 {2}7 {2}\(this node\)$/);
    assert.match(lines[4], /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}set voucher 7 1 {2}by \d+, event 0:1$/);
    assert.equal(lines[5], "no events");
    kitchen.write("help forget\nhelp\n");
    await kitchen.until("the help", () => kitchen.stderr.includes("front door"));
    const help = kitchen.stderr.split("\n");
    assert.deepEqual(help[0], "  forget NODE          remove a node that is down or left, everywhere");
    assert.ok(help.every((line) => line.length <= 80));
    const commands = ["members", "status", "events", "get", "set", "remove", "log", "push", "send", "forget", "stats"];
    for (const command of [...commands, "leave"]) {
      assert.ok(help.some((line) => line.startsWith(`  ${command} `)), command);
    }
    kitchen.write("help x y\nleave\n");
    await kitchen.exited;
    assert.match(kitchen.stderr, /line \d+ of standard input: help: "x y" is no command; "help" lists them/);
  });

  it("the help of each command has at most 80 columns", async () => {
    const names = ["members", "status", "stats", "events", "get", "set", "remove", "log", "push", "withdraw", "send",
      "forget", "leave", "admit", "revoke", "admitted", "identity"];
    const helps = await Promise.all([...names.map((name) => print(name, "--help")), print("--help")]);
    for (const help of helps) for (const line of help.split("\n")) assert.ok(line.length <= 80, line);
  });
});
