import assert from "node:assert/strict";
import type { Build } from "./manifest.js";
import { importsOf, parse, resolve, stateOf } from "./source.js";

/** Specifiers of the modules that the file of a module imports. */
function neededBy(specifier: string, source: string): string[] {
  return importsOf(parse(source)).map((name) => resolve(name, specifier));
}

/** Fails if a module of a build imports one that is not known. */
export function checkImports(build: Build, known: ReadonlySet<string>): void {
  for (const [specifier, source] of build.modules) {
    assert.deepEqual(neededBy(specifier, source).filter((name) => !known.has(name)), [], source);
  }
}

/** Fails if a build preloads a module that has state or reaches one that has. */
export function checkPreload(build: Build): void {
  for (const specifier of build.preload) {
    const source = build.modules.get(specifier);
    if (source === undefined) continue;
    assert.deepEqual(stateOf(parse(source)), [], source);
    for (const name of neededBy(specifier, source)) {
      if (build.modules.has(name)) assert.ok(build.preload.includes(name), `${source} imports ${name}`);
    }
  }
}
