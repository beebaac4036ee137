import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser, ElementHandle, Page } from "puppeteer-core";
import { buildPage } from "../../../scripts/build-page.mjs";
import { HttpServer } from "../../../desktop/http/http-server.js";
import { liveFileText, parseLiveOptions } from "../../../desktop/live/live-file.js";
import { LiveRun } from "../../../desktop/live/live-run.js";
import { LiveSimulation } from "../../../desktop/live/live-simulation.js";
import { freshPort } from "../cli/node-process.js";
import { clickIn, openPage, requireChromium, startBrowser, untilShown } from "./browser.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface State { isPlaying: boolean; round: number; nowMs: number; datagrams: number; seed: number }

describe("page of a simulation, in Chromium", function () {
  this.timeout(180000);
  const folder = mkdtempSync(path.join(tmpdir(), "chisme-page-"));
  const requests: string[] = [];
  let browser: Browser;
  let page: Page;
  let simulation: LiveSimulation;
  let server: HttpServer;
  let address = "";

  before(async function () {
    requireChromium(this);
    buildPage(folder);
    simulation = new LiveSimulation({
      file: { options: parseLiveOptions({ seed: 7, nodes: 10, lossProbability: 0 }) }, isPlaying: false,
      roundsPerSecond: 20,
      commandOf: ({ seed }, hasInputs) => `npm start -- --watch --seed ${seed}${hasInputs ? " --inputs FILE" : ""}`,
    });
    const port = freshPort();
    address = `http://127.0.0.1:${port}`;
    server = await HttpServer.listen(simulation, { address: "127.0.0.1", port, canWrite: true, pageFolder: folder });
    browser = await startBrowser();
    page = await openPage(browser, address, requests);
    await page.waitForSelector("#simulation-command:not(:empty)");
  });

  after(async () => {
    await browser?.close();
    server?.close();
    simulation?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function state(): Promise<State> {
    return page.evaluate(async () => (await fetch("/v1/simulation")).json() as Promise<State>);
  }

  const click = (text: string): Promise<void> => clickIn(page, "#simulation", text);
  const shown = (name: string, text: string): Promise<void> => untilShown(page, name, text);

  async function figures(pattern: RegExp): Promise<void> {
    await page.waitForFunction((source) =>
      new RegExp(source).test(document.querySelector("#simulation-figures")?.textContent ?? ""), {}, pattern.source);
  }

  async function problem(pattern: RegExp): Promise<void> {
    await page.waitForFunction((source) =>
      new RegExp(source).test(document.querySelector("#simulation .outcome.problem")?.textContent ?? ""),
    {}, pattern.source);
  }

  async function choose(name: string): Promise<void> {
    await page.evaluate((of) => {
      const row = [...document.querySelectorAll<HTMLElement>("#nodes tbody tr:not(.spacer)")]
        .find((found) => found.querySelector(".name")?.textContent?.trim() === of);
      row?.click();
    }, name);
    await page.waitForFunction((of) =>
      document.querySelector("#simulation-node legend")?.textContent?.startsWith(`${of}:`), {}, name);
  }

  it("steps go on by a round and by a datagram, play and pause do what they say", async () => {
    assert.equal((await state()).nowMs, 0);
    await click("Step a round");
    await figures(/^Paused: round 1 and 0 s/);
    const before = await state();
    await click("Step a datagram");
    await page.waitForFunction((datagrams) =>
      Number(/(\d+) datagrams/.exec(document.querySelector("#simulation-figures")?.textContent ?? "")?.[1]) > datagrams,
    {}, before.datagrams);
    assert.ok((await state()).nowMs > 10000);
    await click("Play");
    await figures(/^Playing: round [89]|^Playing: round \d\d/);
    await click("Pause");
    await figures(/^Paused/);
    const paused = await state();
    assert.equal(paused.isPlaying, false);
    assert.equal((await state()).nowMs, paused.nowMs);
    await shown("node 3", "up");
  });

  it("a key steps where the panel has the focus, and types in a field", async () => {
    const { round } = await state();
    await page.focus("#simulation-command");
    await page.keyboard.press("s");
    await figures(new RegExp(`^Paused: round ${round + 1} `));
    await page.focus("#simulation-seed");
    await page.keyboard.press("s");
    assert.match(await page.$eval("input#simulation-seed", (field) => field.value), /s$/);
    await page.$eval("input#simulation-seed", (field) => { field.value = "7"; });
  });

  it("a crash is seen, others notice it, and after a restart the node is up", async () => {
    await choose("node 3");
    await click("Crash");
    await page.waitForFunction(() =>
      document.querySelector("#simulation-node legend")?.textContent === "node 3: is off");
    await click("Play");
    await shown("node 3", "down");
    await click("Restart");
    await shown("node 3", "up");
    await click("Pause");
    await figures(/^Paused.*2 inputs$/);
    assert.match(await page.$eval("#simulation-command", (found) => found.textContent ?? ""), /--seed 7 --inputs FILE$/);
  });

  it("a cut is drawn and drops datagrams, until it is healed", async () => {
    const cuts = async (): Promise<number> => page.evaluate(async () => {
      const { links } = await (await fetch("/v1/network")).json() as { links: { isCut?: boolean }[] };
      return links.filter(({ isCut }) => isCut).length;
    });
    await choose("node 2");
    await click("Cut link");
    await figures(/3 inputs$/);
    assert.equal(await cuts(), 1);
    // Within two passes each of the 10 nodes probes each other one, also that behind the cut link.
    const hasDropped = async (): Promise<boolean> => page.$eval("#simulation-figures", ({ textContent }) =>
      !/ 0 cut off/.test(textContent));
    for (let step = 0; step < 18 && !await hasDropped(); step++) await click("Step a round");
    await figures(/ [1-9][\d,]* cut off/);
    await click("Heal all cuts");
    await figures(/4 inputs$/);
    assert.equal(await cuts(), 0);
  });

  it("a value that is pushed is shown, as text whatever it holds", async () => {
    await choose("node 5");
    await page.type("#simulation-value", "<b>hot</b>");
    await click("Push");
    await shown("node 5", "<b>hot</b>");
    assert.equal(await page.$("#nodes b"), null);
    await page.$eval("input#simulation-value", (field) => { field.value = "x".repeat(200); });
    await click("Push");
    await problem(/value/);
  });

  it("a recording opens, is played to its end, and gives the tables of its run", async () => {
    const options = parseLiveOptions({ seed: 9, nodes: 8 });
    const run = new LiveRun(options);
    run.runUntil(10000);
    for (let at = 0; at < 120; at++) {
      run.runUntil(run.nowMs + 1000);
      if (at % 2 === 0) run.apply({ action: "push", node: run.network.nodes[at % 8].id, value: at });
    }
    const file = path.join(folder, "run.jsonl");
    writeFileSync(file, liveFileText({ options, inputs: run.inputs, endMs: run.nowMs }));
    const input = await page.$("#simulation-file") as ElementHandle<HTMLInputElement>;
    await input.uploadFile(file);
    await figures(/60 to come/);
    await click("Play");
    await figures(/^Paused: round 13 and 0 s.*60 inputs$/);
    assert.equal((await state()).seed, 9);
    assert.equal(simulation.tablesHash, run.tablesHash);
    writeFileSync(file, "{\"chisme\":\"simulation\"}\n{");
    await input.uploadFile(file);
    await problem(/^Line 2 is not JSON\.$/);
  });

  for (const theme of ["light", "dark"]) {
    it(`axe finds nothing serious in the ${theme} theme`, async () => {
      await page.select("#theme", theme);
      await choose("node 1");
      await page.evaluate(axe);
      const found = await page.evaluate(async () => {
        const { violations } = await (globalThis as unknown as { axe: { run(): Promise<{ violations: {
          id: string; impact: string; nodes: { html: string }[];
        }[]; }>; }; }).axe.run();
        return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
          .map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
      });
      assert.deepEqual(found, []);
    });
  }

  it("no request leaves this server", () => {
    assert.ok(requests.length > 10);
    assert.deepEqual(requests.filter((url) => !url.startsWith(`${address}/`) && !/^(data|blob):/.test(url)), []);
  });
});
