/**
 * Bundles a module for Espruino three times: readable, minified, and minified with most of it left in flash.
 *
 * @param from expression by which the last bundle reads its own text
 */
export function bundleForEspruino(entry: string, from?: string): Promise<{
  readable: string; minified: string; lean: string;
}>;
