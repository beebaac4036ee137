export type EspruinoBundleKind = "readable" | "minified" | "lean";

/**
 * Bundles a module for Espruino in each of the ways of `kinds`: readable, minified, and minified with most of it left
 * in flash.
 *
 * @param from expression by which the lean bundle reads its own text
 */
export function bundleForEspruino<Kind extends EspruinoBundleKind>(
  entry: string, kinds: readonly Kind[], from?: string,
): Promise<Record<Kind, string>>;
