import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "puppeteer-core";
import { buildPage } from "../../../scripts/build-page.mjs";
import type { WatchedNetwork } from "../../../desktop/control/network-view.js";
import { type HttpOptions, HttpServer } from "../../../desktop/http/http-server.js";
import { cleanUp, freshFolder, freshPort } from "../cli/node-process.js";
import { requireChromium, startBrowser } from "./browser.js";
import { WatchedNode, liveNode } from "./live-network.js";
import { ManyNodes } from "./many-nodes.js";

const TOKEN = "correct-horse-battery-staple";
const PAGE_BYTES_MAX = 200 * 1024;
const LONG_TASK_MS = 200;
const HOSTILE = "<img src=x onerror=alert(1)>";

describe("the page of chisme node --http, in Chromium", function () {
  this.timeout(180000);
  let browser: Browser;
  let page: Page;
  let node: WatchedNode;
  let server: HttpServer;
  let port: number;
  let nodePort: number;
  let folder: string;
  const requests: string[] = [];
  const faults: string[] = [];

  before(async function () {
    requireChromium(this);
    browser = await startBrowser();
  });
  after(async () => browser?.close());

  beforeEach(async () => {
    folder = freshFolder();
    buildPage(folder);
    nodePort = freshPort();
    node = new WatchedNode({ listen: "127.0.0.1", port: nodePort, name: "hall" });
    const context = await browser.createBrowserContext();
    page = await context.newPage();
    requests.length = 0;
    faults.length = 0;
    page.on("request", (request) => requests.push(request.url()));
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("dialog", (dialog) => {
      faults.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("console", (message) => {
      if (message.type() === "error") faults.push(message.text());
    });
  });

  afterEach(async () => {
    await page.browserContext().close();
    server.close();
    await node.close();
    await cleanUp();
    // No request leaves this server, and its policy refused none.
    const origin = `http://127.0.0.1:${port}/`;
    assert.deepEqual(requests.filter((url) => !url.startsWith(origin) && !url.startsWith("data:")), []);
    assert.deepEqual(faults, []);
  });

  const listen = async (more: Partial<HttpOptions> = {}, network: WatchedNetwork = node.network): Promise<void> => {
    port = freshPort();
    server = await HttpServer.listen(network, { address: "127.0.0.1", port, pageFolder: folder, ...more });
  };
  const open = async (): Promise<void> => {
    await page.goto(`http://127.0.0.1:${port}/`);
    await until("it is live", () => document.getElementById("connection")?.textContent === "Live");
  };
  const until = async (what: string, condition: (...args: string[]) => boolean, ...args: string[]): Promise<void> => {
    await page.waitForFunction(condition, { timeout: 60000, polling: 50 }, ...args).catch((error: Error) => {
      throw new Error(`waited in vain until ${what}: ${error.message}`);
    });
  };
  const untilText = async (selector: string, text: string): Promise<void> =>
    until(`${selector} has ${text}`, (of, wanted) => document.querySelector(of)?.textContent?.includes(wanted) ?? false,
      selector, text);
  const text = async (selector: string): Promise<string> =>
    page.$eval(selector, (found) => found.textContent ?? "");
  const complaints = async (): Promise<string[]> => {
    const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
    await page.evaluate(readFileSync(axe, "utf8"));
    const { violations } = await page.evaluate("axe.run()") as AxeResults;
    return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  };

  it("shows the node, others that join, what changes, and its events", async () => {
    await listen();
    await open();
    assert.equal(await page.title(), "hall – chisme");
    await untilText("#nodes tbody", "hall");
    const other = liveNode({ listen: "127.0.0.2", port: nodePort, name: "attic", seedList: [`127.0.0.1:${nodePort}`] });
    await untilText("#nodes tbody", "attic");
    other.push({ temp: 21.5, text: "ü" });
    await untilText("#nodes tbody", "temp 21.5, text ü");
    other.log("door", "open");
    await untilText("#events ol", "attic door  open");
    await until("there are plots", () => document.querySelectorAll("#traffic canvas").length === 3);
    await untilText("#traffic figcaption", "sent,");
    await untilText("#feeds table", "attic");
    await untilText("#summary", "Maximum of temp21.5");
    await page.click("#nodes tbody tr:not(.spacer)");
    await untilText("#details-title", "attic");
    await untilText("#details", "Waydirect");
    await until("its value is plotted", () => document.querySelector("#details .plot canvas") !== null);
    await other.close();
    await until("it left", () => document.querySelector("#nodes tbody .state-left") !== null);
    await untilText("#details .facts", "Stateleft");
  });

  it("filters events, and searches and sorts nodes", async () => {
    await listen();
    node.gossip.log("door", "open");
    node.gossip.log("lamp", "bright");
    node.gossip.set("lamp", "1", true);
    await open();
    await untilText("#events ol", "door");
    const shown = async (): Promise<number> => page.$$eval("#events li", (items) => items.length);
    assert.equal(await shown(), 3);
    await page.type("#event-topic", "lamp");
    assert.equal(await shown(), 2);
    assert.match(await text("#events .head"), /2 of 3/);
    await page.type("#event-text", "bri");
    assert.equal(await shown(), 1);
    await page.type("#event-author", "attic");
    assert.equal(await shown(), 0);
    await page.$$eval("#events input", (inputs) => inputs.forEach((input) => {
      input.value = "";
      input.dispatchEvent(new Event("input"));
    }));
    await page.type("#event-author", "HALL");
    assert.equal(await shown(), 3);
    const rows = async (): Promise<number> => page.$$eval("#nodes tbody tr:not(.spacer)", (all) => all.length);
    await page.type("#search", "nowhere");
    assert.equal(await rows(), 0);
    await page.$eval("#search", (input) => ((input as HTMLInputElement).value = ""));
    await page.type("#search", "hall");
    assert.equal(await rows(), 1);
    await page.click("#nodes th.state button");
    assert.equal(await page.$eval("#nodes th.state", (head) => head.ariaSort), "ascending");
    await page.click("#nodes th.state button");
    assert.equal(await page.$eval("#nodes th.state", (head) => head.ariaSort), "descending");
  });

  it("names and values that are HTML do no harm", async () => {
    await listen({ canWrite: true });
    const name = HOSTILE.slice(0, 24);
    const other = liveNode({ listen: "127.0.0.2", port: nodePort, name, seedList: [`127.0.0.1:${nodePort}`] });
    try {
      other.push({ "<b>x</b>": 1, y: "</script><script>alert(1)" });
      other.log("<i>topic</i>", HOSTILE);
      other.set("<i>topic</i>", "<u>key</u>", { "<s>": HOSTILE });
      await open();
      await untilText("#events ol", HOSTILE);
      await untilText("#nodes tbody", "<b>x</b> 1");
      await page.click("#nodes tbody tr:not(.spacer)");
      await untilText("#details-title", name);
      await untilText("#details h3", "<b>x</b> over time");
      await untilText("#feeds", name);
      assert.equal(await page.$$eval("main :is(img, b, i, u, s, script)", (all) => all.length), 0);
    } finally {
      await other.close();
    }
  });

  it("has a theme of its own that stays, and axe has no serious complaint about either", async () => {
    await listen({ canWrite: true });
    node.gossip.push({ temp: 21.5 });
    node.gossip.log("door", "open");
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
    await open();
    const background = async (): Promise<string> =>
      page.$eval("body", (body) => getComputedStyle(body).backgroundColor);
    const dark = await background();
    await page.click("#nodes tbody tr:not(.spacer)");
    await untilText("#details .facts", "temp");
    await untilText("#traffic figcaption", "sent,");
    assert.deepEqual(await complaints(), []);
    await page.select("#theme", "light");
    assert.notEqual(await background(), dark);
    assert.deepEqual(await complaints(), []);
    await page.reload();
    await untilText("#connection", "Live");
    assert.notEqual(await background(), dark);
    await page.select("#theme", "system");
    assert.equal(await background(), dark);
  });

  it("is used by keyboard alone", async () => {
    await listen();
    const other = liveNode({ listen: "127.0.0.2", port: nodePort, name: "attic", seedList: [`127.0.0.1:${nodePort}`] });
    try {
      await open();
      await untilText("#nodes tbody", "attic");
      const reached = new Set<string>();
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press("Tab");
        const at = await page.evaluate(() => {
          const { activeElement: element } = document;
          const { outlineStyle } = getComputedStyle(element ?? document.body);
          return [element?.id || element?.className || element?.tagName || "", outlineStyle];
        });
        if (at[0] === "BODY") break;
        assert.notEqual(at[1], "none", `the focus on ${at[0]} is seen`);
        reached.add(at[0]);
      }
      for (const wanted of ["skip", "theme", "graph-canvas", "search", "event-topic", "event-author", "event-text"]) {
        assert.ok(reached.has(wanted), `${wanted} is none of ${[...reached].join(", ")}`);
      }
      await page.focus(".graph-canvas");
      await page.keyboard.press("Home");
      await untilText("#details-title", "hall");
      await untilText("#announcer", "hall, up");
      // The graph may still move, so that each direction is tried several times.
      for (let tries = 0; tries < 40; tries++) {
        await page.keyboard.press("Home");
        await page.keyboard.press((["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"] as const)[tries % 4]);
        await new Promise((resolve) => setTimeout(resolve, 200));
        if (await page.$eval("#announcer", ({ textContent }) => textContent?.startsWith("attic"))) break;
      }
      await untilText("#details-title", "attic");
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => document.activeElement?.id), "details-title");
      await page.focus("#nodes table");
      await page.keyboard.press("End");
      await untilText("#details-title", "hall");
      await page.keyboard.press("ArrowUp");
      await untilText("#details-title", "attic");
      assert.match(await text("#nodes tr[aria-selected=true]"), /attic/);
      const active = await page.$eval("#nodes table", (table) => table.getAttribute("aria-activedescendant"));
      assert.equal(active, `node-${other.id}`);
    } finally {
      await other.close();
    }
  });

  it("keeps the places of nodes in the graph over a reload", async () => {
    await listen({}, new ManyNodes(30));
    await open();
    const places = async (): Promise<string | null> =>
      page.evaluate(() => localStorage.getItem("chisme-places-node-1"));
    await until("the graph is at rest", () => localStorage.getItem("chisme-places-node-1") !== null);
    const before = await places();
    await page.reload();
    await untilText("#connection", "Live");
    await untilText("#nodes .head", "30");
    await page.evaluate(async () => new Promise((resolve) => setTimeout(resolve, 500)));
    assert.equal(await places(), before);
    await page.click("#graph button");
    await until("they were arranged anew", (old) => localStorage.getItem("chisme-places-node-1") !== old, before ?? "");
  });

  it("fits a phone", async () => {
    await listen({ canWrite: true });
    node.gossip.push({ temp: 21.5, "a-long-name-of-a-field": "x".repeat(60) });
    node.gossip.log("door", "x".repeat(200));
    for (const width of [360, 390, 768]) {
      await page.setViewport({ width, height: 780, isMobile: true, hasTouch: true });
      await open();
      await page.click("#nodes tbody tr:not(.spacer)");
      await untilText("#details .facts", "temp");
      await untilText("#traffic figcaption", "sent,");
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    }
    assert.deepEqual(await complaints(), []);
  });

  it("shows all links of its head on a phone", async () => {
    await listen();
    await page.setViewport({ width: 360, height: 780, isMobile: true, hasTouch: true });
    await open();
    assert.ok(await page.evaluate(() => {
      const bar = document.querySelector(".jump");
      return bar !== null && bar.scrollWidth <= bar.clientWidth;
    }));
  });

  it("says when the node is gone, and goes on when it is back", async () => {
    await listen();
    await open();
    server.close();
    await untilText("#connection", "Trying again");
    await untilText("#connection", "The node is gone, or out of reach.");
    // Those that Chromium itself logs of requests without an answer.
    faults.splice(0, faults.length, ...faults.filter((fault) => !/^Failed to load resource: net::ERR_/.test(fault)));
    server = await HttpServer.listen(node.network, { address: "127.0.0.1", port, pageFolder: folder });
    await untilText("#connection", "Live");
    node.gossip.log("door", "again");
    await untilText("#events ol", "again");
    faults.splice(0, faults.length, ...faults.filter((fault) => !/^Failed to load resource: net::ERR_/.test(fault)));
  });

  it("asks for the token, and never has it in an address", async () => {
    await listen({ token: TOKEN });
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.waitForSelector("dialog input");
    assert.deepEqual(await complaints(), []);
    await page.type("#token", "wrong-horse-battery-staple");
    await page.keyboard.press("Enter");
    await untilText("dialog .problem", "does not know this token");
    await page.type("#token", TOKEN);
    await page.keyboard.press("Enter");
    await untilText("#connection", "Live");
    await page.reload();
    await untilText("#connection", "Live");
    assert.ok(!requests.some((url) => url.includes(TOKEN)));
    const refusals = faults.filter((fault) => fault.includes("401 (Unauthorized)"));
    assert.equal(refusals.length, 2);
    faults.splice(0, faults.length, ...faults.filter((fault) => !refusals.includes(fault)));
  });

  it("changes the node where it may, and has no forms where it may not", async () => {
    await listen();
    await open();
    assert.equal(await page.$$eval("form", (forms) => forms.length), 0);
    assert.equal(await page.$eval("#write", (section) => (section as HTMLElement).hidden), true);
    server.close();
    await listen({ canWrite: true });
    requests.length = 0;
    await open();
    const fill = async (form: string, fields: Record<string, string>): Promise<void> => {
      for (const [name, value] of Object.entries(fields)) await page.type(`#${form}-${name}`, value);
      // By keyboard: plots that appear above move the button away from a click.
      await page.focus(`#form-${form} button`);
      await page.keyboard.press("Enter");
      await until(`${form} is done`, (of) =>
        document.querySelector(`#form-${of} .outcome`)?.textContent !== "", form);
    };
    await fill("push", { value: '{"temp":19}' });
    await untilText("#nodes tbody", "temp 19");
    await fill("log", { topic: "door", value: "wide open" });
    await untilText("#events ol", "hall door  wide open");
    await fill("set", { topic: "lamp", key: "1", value: "true" });
    await untilText("#events ol", "lamp/1 = true");
    await fill("remove", { topic: "lamp", key: "1" });
    await untilText("#events ol", "lamp/1 removed");
    await fill("withdraw", {});
    assert.equal(node.gossip.row(node.gossip.id)?.data, undefined);
    await page.$eval("#log-topic", (input) => ((input as HTMLInputElement).value = ""));
    await fill("log", { topic: "x".repeat(40), value: "1" });
    await untilText("#form-log .outcome", "log: topic");
    faults.splice(0, faults.length, ...faults.filter((fault) => !fault.includes("400 (Bad Request)")));
  });

  it("stays fluent with 500 nodes, of which 50 change a second", async () => {
    const network = new ManyNodes(500);
    await listen({}, network);
    let longest = Infinity;
    // The rest of the machine may hold the browser up.
    for (let tries = 0; tries < 3 && longest > LONG_TASK_MS; tries++) {
      await open();
      await untilText("#nodes .head", "500");
      await until("the graph is at rest", () => localStorage.getItem("chisme-places-node-1") !== null);
      await page.evaluate(() => {
        const durations: number[] = [];
        Object.assign(window, { durations });
        new PerformanceObserver((list) => {
          durations.push(...list.getEntries().map(({ duration }) => duration));
        }).observe({ type: "longtask" });
      });
      const timer = setInterval(() => network.change(), 20);
      await new Promise((resolve) => setTimeout(resolve, 10000));
      clearInterval(timer);
      const durations = await page.evaluate("durations") as number[];
      longest = Math.max(0, ...durations);
      console.log(`      long tasks: ${durations.length}, the longest ${Math.round(longest)} ms`);
    }
    assert.ok(longest <= LONG_TASK_MS, `a task of ${longest} ms`);
    assert.ok(await page.$$eval("#nodes tbody tr", (rows) => rows.length) < 60);
  });

  it("weighs at most 200 KB, gzipped, and loads nothing from elsewhere", async () => {
    await listen();
    const files = readdirSync(folder);
    assert.deepEqual(files.sort(), ["index.html", "licences.txt", "page.css", "page.js"]);
    const licences = readFileSync(join(folder, "licences.txt"), "utf8");
    for (const name of ["d3-force", "uplot"]) assert.ok(licences.includes(name), name);
    const bytes = files.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).length, 0);
    console.log(`      ${bytes} bytes`);
    assert.ok(bytes <= PAGE_BYTES_MAX);
  });
});
