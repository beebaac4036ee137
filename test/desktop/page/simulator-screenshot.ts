// Draws the picture of the simulator's page, a part of `npm run screenshots`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { buildPage } from "../../../scripts/build-page.mjs";
import { liveCommand } from "../../../desktop/cli/live.js";
import { HttpServer } from "../../../desktop/http/http-server.js";
import { parseLiveOptions } from "../../../desktop/live/live-file.js";
import { LiveSimulation } from "../../../desktop/live/live-simulation.js";
import { startBrowser } from "./browser.js";

const HTTP_PORT = 8672;
const OUT = process.argv[2] ?? fileURLToPath(new URL("../../../docs/", import.meta.url));

const folder = mkdtempSync(path.join(tmpdir(), "chisme-page-"));
buildPage(folder);
const simulation = new LiveSimulation({
  file: { options: parseLiveOptions({ seed: 7 }) }, isPlaying: false,
  commandOf: (options, hasInputs) => liveCommand("chisme simulate", options, hasInputs),
});
const server = await HttpServer.listen(simulation, {
  address: "127.0.0.1", port: HTTP_PORT, canWrite: true, pageFolder: folder,
});
const browser = await startBrowser();
try {
  for (let round = 0; round < 20; round++) await simulation.act({ action: "step" });
  const ids = simulation.members().map(({ id }) => id);
  await simulation.act({ action: "cut", from: ids[4], to: ids[9] });
  await simulation.act({ action: "crash", node: ids[5] });
  await simulation.act({ action: "log", node: ids[6], topic: "door", value: "open" });
  const page = await browser.newPage();
  await page.setViewport({ width: 1160, height: 960, deviceScaleFactor: 1 });
  await page.goto(`http://127.0.0.1:${HTTP_PORT}/`);
  await page.waitForSelector("#nodes tbody tr:not(.spacer)");
  await page.select("#theme", "light");
  for (let round = 0; round < 8; round++) await simulation.act({ action: "step" });
  await page.evaluate(() => (document.querySelectorAll("#nodes tbody tr:not(.spacer)")[5] as HTMLElement).click());
  await simulation.act({ action: "speed", roundsPerSecond: 0.25 });
  await simulation.act({ action: "play" });
  await sleep(3000);
  await page.screenshot({ path: `${path.join(OUT, "simulator-page")}.png` });
} finally {
  await browser.close();
  server.close();
  simulation.close();
  rmSync(folder, { recursive: true });
}
