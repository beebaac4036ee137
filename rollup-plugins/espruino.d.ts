/** Bundles a module for Espruino: as one can read it, and minified. */
export function bundleForEspruino(entry: string): Promise<{ readable: string; minified: string }>;
