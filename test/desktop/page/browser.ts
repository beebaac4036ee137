import { execFileSync } from "node:child_process";
import type { Context } from "mocha";
import { type Browser, type ElementHandle, type Page, launch } from "puppeteer-core";

const CHROMIUM = "/usr/bin/chromium";

/** Starts Debian's Chromium, without a window. It reaches no other host than this one. */
export async function startBrowser(): Promise<Browser> {
  return launch({
    executablePath: CHROMIUM,
    args: [
      // Root has no sandbox in Chromium; what runs here is this project's own page.
      ...process.getuid?.() === 0 ? ["--no-sandbox"] : [],
      "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
    ],
  });
}

/** Skips the tests where Chromium is missing, except in CI. */
export function requireChromium(context: Context): void {
  try {
    execFileSync(CHROMIUM, ["--version"], { stdio: "ignore" });
  } catch (error) {
    if (process.env.CI === "true") throw error;
    console.log("      skipped: needs the Debian package chromium");
    context.skip();
  }
}

/** Clicks the button with a text inside of an element. */
export async function clickIn(page: Page, element: string, text: string): Promise<void> {
  const button = await page.waitForSelector(`${element} ::-p-xpath(.//button[text()="${text}"])`);
  await (button as ElementHandle<HTMLButtonElement>).evaluate((found) => found.click());
}

/** Waits until the table shows a node together with a text, such as its state. */
export async function untilShown(page: Page, name: string, text: string): Promise<void> {
  await page.waitForFunction((of, wanted) => {
    return [...document.querySelectorAll("#nodes tbody tr:not(.spacer)")].some((row) =>
      row.querySelector(".name")?.textContent?.includes(of) && row.textContent?.includes(wanted));
  }, {}, name, text);
}

/** Opens the page at an address, and waits until it shows a node. Each request of it is added to `requests`. */
export async function openPage(browser: Browser, address: string, requests: string[]): Promise<Page> {
  const page = await browser.newPage();
  page.on("request", (request) => requests.push(request.url()));
  await page.setViewport({ width: 1200, height: 1000 });
  await page.goto(`${address}/`);
  await page.waitForSelector("#nodes tbody tr:not(.spacer)");
  return page;
}
