import { PackageMissing, XsHost } from "./xs.js";

/**
 * Builds the XS host for a test or hook. Without the 32-bit compiler, or the
 * emulator where it needs one, it skips the test and names the package to
 * install; in CI it fails.
 */
export async function requireXs(context: Mocha.Context): Promise<void> {
  try {
    await XsHost.command();
  } catch (error) {
    if (!(error instanceof PackageMissing) || process.env.CI === "true") throw error;
    console.log(`      ${error.message}`);
    context.skip();
  }
}
