import { CompilerMissing, XsHost } from "./xs.js";

/**
 * Builds the XS host for a test or hook. Where this machine lacks the compiler
 * it skips, and says which package to install; in CI that is a failure.
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
