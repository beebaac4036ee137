import { CompilerMissing, XsHost } from "./xs.js";

/**
 * Builds the XS host for a test or hook. Without the 32-bit compiler it skips the
 * test and names the package to install; in CI it fails.
 */
export async function requireXs(context: Mocha.Context): Promise<void> {
  try {
    await XsHost.build();
  } catch (error) {
    if (!(error instanceof CompilerMissing) || process.env.CI === "true") throw error;
    console.log(`      ${error.message}`);
    context.skip();
  }
}
