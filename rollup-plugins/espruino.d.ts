/**
 * Bundles a module for Espruino: as one can read it; minified; and minified with most of it left in flash.
 *
 * @param from expression by which the last one reads its own text
 */
export function bundleForEspruino(entry: string, from?: string): Promise<{
  readable: string; minified: string; lean: string;
}>;
