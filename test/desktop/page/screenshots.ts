// Draws the pictures of docs/HTTP.md with real nodes: `npm run screenshots`.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import { buildPage } from "../../../scripts/build-page.mjs";
import { HttpServer } from "../../../desktop/http/http-server.js";
import type { Gossip } from "../../../desktop/platform/node.js";
import { NodeProcess, cleanUp, freshPort } from "../cli/node-process.js";
import { startBrowser } from "./browser.js";
import { WatchedNode, liveNode } from "./live-network.js";

const PORT = freshPort();
const HTTP_PORT = freshPort();
const BYTES_MAX = 150000;
const ROOMS = [
  "kitchen", "hall", "attic", "cellar", "garage", "garden", "porch", "office", "bathroom", "bedroom", "nursery",
  "study", "workshop", "shed", "greenhouse", "balcony", "stairs", "pantry", "laundry", "library", "roof", "gate",
  "pond", "barn",
];
/** Nodes that the shown one reaches only over others: they take no datagrams from it. */
const FAR = ["garden", "greenhouse", "pond", "barn", "gate"];
const OUT = process.argv[2] ?? fileURLToPath(new URL("../../../docs/", import.meta.url));

const addressOf = (index: number): string => `127.0.0.${10 + index}`;
const reading = (index: number, step: number): { temp: number; hum: number } => ({
  temp: Math.round((18 + index % 7 + 2 * Math.sin(step / 6 + index)) * 10) / 10,
  hum: Math.round(40 + index % 9 + 4 * Math.cos(step / 9 + index)),
});

const folder = mkdtempSync(path.join(tmpdir(), "chisme-page-"));
buildPage(folder);
const seedList = [`${addressOf(0)}:${PORT}`, `${addressOf(1)}:${PORT}`];
const shown = new WatchedNode({ id: 1, name: ROOMS[0], listen: addressOf(0), port: PORT, seedList });
const others: Gossip[] = ROOMS.slice(1).map((name, at) => liveNode({
  id: at + 2, name, listen: addressOf(at + 1), port: PORT, seedList,
  ...FAR.includes(name) && {
    seedList: seedList.slice(1), trustedSubnets: ["127.0.0.11/32", "127.0.0.16/28", "127.0.0.32/28"],
  },
}));
const failing = new NodeProcess("--id", "90", "--name", "chimney", "--listen", `127.0.0.90:${PORT}`,
  "--broadcast", "none", "--seed", seedList[0], "--interval", "200", "--value", '{"temp":19.5}');
const server = await HttpServer.listen(shown.network, {
  address: "127.0.0.1", port: HTTP_PORT, canWrite: true, pageFolder: folder,
});
let step = 0;
const talk = setInterval(() => {
  step++;
  shown.gossip.push(reading(0, step));
  others.forEach((node, at) => {
    if ((step + at) % 4 === 0) node.push(reading(at + 1, step));
  });
  const at = step % others.length;
  if (step % 3 === 0) others[at].log("door", step % 2 === 0 ? "open" : "closed");
  const other = others[at * 7 % others.length];
  if (step % 5 === 0) other.set("lamp", ROOMS[at], { on: step % 2 === 0, level: step % 100 });
}, 400);
const browser = await startBrowser();
try {
  const page = await browser.newPage();
  await page.setViewport({ width: 1160, height: 860, deviceScaleFactor: 1 });
  await page.goto(`http://127.0.0.1:${HTTP_PORT}/`);
  await sleep(12000);
  // One says goodbye, one fails and another fails a little later.
  await others.pop()?.close();
  await failing.kill();
  await sleep(2500);
  await choose(page);
  await shoot(page, "light", "page-light.png");
  await shoot(page, "dark", "page-dark.png");
  // The browser loads the page again as a phone.
  await page.setViewport({ width: 390, height: 1700, deviceScaleFactor: 1, isMobile: true, hasTouch: true });
  await sleep(3000);
  await choose(page);
  await shoot(page, "light", "page-phone.png");
} finally {
  clearInterval(talk);
  await browser.close();
  server.close();
  await cleanUp();
  await Promise.all([shown, ...others].map((node) => node.close()));
  rmSync(folder, { recursive: true });
}
process.exit();

async function choose(page: Page): Promise<void> {
  await page.evaluate(() => (document.querySelectorAll("#nodes tbody tr:not(.spacer)")[3] as HTMLElement).click());
  await sleep(3000);
}

async function shoot(page: Page, theme: string, name: string): Promise<void> {
  await page.select("#theme", theme);
  await sleep(1500);
  const file = path.join(OUT, name);
  await page.screenshot({ path: file });
  const { size } = statSync(file);
  console.log(`${name}: ${size} bytes`);
  if (size > BYTES_MAX) throw new Error(`${name} has more than ${BYTES_MAX} bytes`);
}
