import { execFileSync } from "node:child_process";
import type { Context } from "mocha";
import { type Browser, launch } from "puppeteer-core";

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
