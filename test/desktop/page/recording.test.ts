import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "puppeteer-core";
import { buildPage } from "../../../scripts/build-page.mjs";
import { HttpServer } from "../../../desktop/http/http-server.js";
import { RecordedNetwork } from "../../../desktop/recording/recorded-network.js";
import { RecordingFile } from "../../../desktop/recording/recording-file.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "../cli/node-process.js";
import { main } from "../../support/command-line.js";
import { clickIn, openPage, requireChromium, startBrowser, untilShown } from "./browser.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCREENSHOTS = process.env.CHISME_SCREENSHOTS;

describe("page of a recording of a node, in Chromium", function () {
  this.timeout(300000);
  const folder = mkdtempSync(path.join(tmpdir(), "chisme-page-"));
  const file = path.join(folder, "run.jsonl");
  const requests: string[] = [];
  let recording: RecordingFile;
  let network: RecordedNetwork;
  let server: HttpServer;
  let browser: Browser;
  let page: Page;
  let address = "";

  /** A node is recorded while a value is pushed to it, and its peer leaves. */
  async function record(): Promise<void> {
    const [one, two, storage] = [freshPort(), freshPort(), freshFolder()];
    const args = ["--json", "--interval", "200", "--broadcast", "none"];
    const hall = await new NodeProcess("--listen", `127.0.0.1:${one}`, "--seed", `127.0.0.1:${two}`, "--name", "hall",
      "--storage", storage, ...args).untilStarted();
    const attic = await new NodeProcess("--listen", `127.0.0.1:${two}`, "--seed", `127.0.0.1:${one}`, "--name", "attic",
      "--value", "7", "--socket", "none", ...args).untilStarted();
    await hall.untilMinMax(7, 7, 1);
    const recorder = spawn(process.execPath, [main, "record", file, "--storage", storage],
      { stdio: "ignore" });
    while (!existsSync(file) || statSync(file).size === 0) await sleep(50);
    const pushed = spawnSync(process.execPath, [main, "push", "--storage", storage, "21.5"]);
    assert.equal(pushed.status, 0);
    attic.signal("SIGTERM");
    while (!readFileSync(file, "utf8").includes('"state":"left"')) await sleep(50);
    recorder.kill("SIGINT");
    await once(recorder, "close");
  }

  before(async function () {
    requireChromium(this);
    await record();
    await cleanUp();
    buildPage(folder);
    recording = new RecordingFile(file);
    network = new RecordedNetwork(recording);
    const port = freshPort();
    address = `http://127.0.0.1:${port}`;
    server = await HttpServer.listen(network, { address: "127.0.0.1", port, canWrite: true, pageFolder: folder });
    browser = await startBrowser();
    page = await openPage(browser, address, requests);
    await page.waitForSelector("#recording-figures:not(:empty)");
  });

  after(async () => {
    await browser?.close();
    server?.close();
    network?.close();
    await cleanUp();
    rmSync(folder, { recursive: true, force: true });
  });

  const click = (text: string): Promise<void> => clickIn(page, "#recording", text);
  const shown = (name: string, text: string): Promise<void> => untilShown(page, name, text);

  async function jump(atMs: number): Promise<void> {
    await page.$eval("input#recording-time", (field, ms) => {
      field.value = String(ms);
      field.dispatchEvent(new Event("input"));
    }, atMs);
    await position(recording.countUntil(atMs));
  }

  async function position(count: number): Promise<void> {
    await page.waitForFunction((wanted) =>
      document.querySelector("#recording-figures")?.textContent?.includes(wanted), {}, `entry ${count} of `);
  }

  /** Index of the first row that a text of its entry has. */
  function indexOf(text: string): number {
    for (let at = 0; at < recording.count; at++) {
      if (recording.entry(at).kind === "row" && JSON.stringify(recording.entry(at)).includes(text)) return at;
    }
    throw new Error(`${text} is not in the recording`);
  }

  it("a jump to a time shows the states of that time, forward and back", async () => {
    const [pushed, left] = [indexOf('"data":21.5'), indexOf('"state":"left"')];
    await shown("attic", "up");
    await jump(recording.timeOf(left));
    await shown("attic", "left");
    await shown("hall", "21.5");
    await jump(recording.timeOf(pushed));
    await shown("attic", "up");
    await shown("hall", "21.5");
    await jump(0);
    await shown("attic", "up");
    await page.waitForFunction(() => !document.querySelector("#nodes tbody")?.textContent?.includes("21.5"));
  });

  it("steps go forward and back by an entry, keys do so, too, and the chosen node stays chosen", async () => {
    const left = indexOf('"state":"left"');
    await jump(recording.endMs);
    await page.evaluate(() => {
      [...document.querySelectorAll<HTMLElement>("#nodes tbody tr:not(.spacer)")]
        .find((row) => row.textContent?.includes("attic"))?.click();
    });
    for (let at = recording.count - 1; at >= left; at--) {
      await click("Step back");
      await position(at);
    }
    await shown("attic", "up");
    await page.waitForSelector('#nodes tr[aria-selected="true"]');
    await click("Step");
    await position(left + 1);
    await shown("attic", "left");
    await page.focus("#recording .entries-scroll");
    await page.keyboard.press("b");
    await position(left);
    await page.keyboard.press("s");
    await position(left + 1);
  });

  it("the time line is moved by keys", async () => {
    await jump(0);
    await page.focus("#recording-time");
    await page.keyboard.press("End");
    await position(recording.count);
    await page.keyboard.press("Home");
    await position(recording.countUntil(0));
  });

  it("playing goes on to the end, with datagrams as the terminal prints them", async () => {
    await jump(0);
    await page.select("#recording-speed", "100");
    await click("Play");
    await page.waitForFunction(() => /^Paused/.test(document.querySelector("#recording-figures")?.textContent ?? ""));
    await position(recording.count);
    await shown("attic", "left");
    const printed = spawnSync(process.execPath, [main, "replay", file], { encoding: "utf8" });
    const lines = printed.stdout.trimEnd().split("\n").slice(2).map((line) => line.replace(/^ *[\d.]+s {2}/, ""));
    const texts = await page.$$eval(".entry-list li > span:last-child", (found) =>
      found.map(({ textContent }) => textContent));
    assert.deepEqual(texts, lines.slice(-texts.length).reverse());
    assert.ok(texts.some((text) => /(->|<-) 127/.test(text ?? "")));
    const { links } = network.view();
    assert.equal(links.length, 1);
  });

  for (const theme of ["light", "dark"]) {
    it(`axe finds nothing serious in the ${theme} theme`, async () => {
      await page.select("#theme", theme);
      await page.evaluate(axe);
      const found = await page.evaluate(async () => {
        const { violations } = await (globalThis as unknown as { axe: { run(): Promise<{ violations: {
          id: string; impact: string; nodes: { html: string }[];
        }[]; }>; }; }).axe.run();
        return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
          .map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
      });
      assert.deepEqual(found, []);
      if (SCREENSHOTS !== undefined) await page.screenshot({ path: `${SCREENSHOTS}/recording-${theme}.png` });
    });
  }

  it("no request leaves this server", () => {
    assert.ok(requests.length > 10);
    assert.deepEqual(requests.filter((url) => !url.startsWith(`${address}/`) && !/^(data|blob):/.test(url)), []);
  });
});
