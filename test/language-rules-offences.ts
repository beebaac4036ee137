/** One line of source that a rule must refuse, with a message that contains the name. */
export interface Offence {
  readonly name: string;
  readonly source: string;
}

const offences = (pairs: readonly (readonly [name: string, source: string])[]): Offence[] =>
  pairs.map(([name, source]) => ({ name, source }));

/** What Espruino cannot parse, or what does something else there. */
export const syntaxOffences = offences([
  ["destructuring of an object", "const { length } = bytes;"],
  ["destructuring of an array", "const [first] = bytes;"],
  ["destructuring of an object", "function f({ id }: Row): number { return id; }"],
  ["rest element", "function f(...values: number[]): void {}"],
  ["spread", "f(...values);"],
  ["spread", "const copy = [...values];"],
  ["spread", "const copy = { ...row };"],
  ["default value of a parameter", "function f(limit = 4): void {}"],
  ["optional chaining `?.`", "row?.id;"],
  ["optional chaining `?.`", "callback?.();"],
  ["`**`", "const square = a ** 2;"],
  ["`**=`", "a **= 2;"],
  ["`??=`", "a ??= 2;"],
  ["`||=`", "a ||= 2;"],
  ["`&&=`", "a &&= 2;"],
  ["private name", "class Rows { #count = 0; }"],
  ["private name", "class Rows { #grow(): void {} }"],
  ["label", "outer: for (const a of b) { break outer; }"],
  ["computed key", "const row = { [key]: 1 };"],
  ["computed key", "class Rows { [key] = 1; }"],
  ["computed key", "class Rows { [key](): void {} }"],
  ["generator", "function* rows(): unknown { yield 1; }"],
  ["generator", "class Rows { *each(): unknown { yield 1; } }"],
  ["async function", "async function f(): Promise<void> {}"],
  ["async function", "const f = async (): Promise<void> => {};"],
  ["await", "await f();"],
  ["for await", "for await (const a of b) { f(a); }"],
  ["static block", "class Rows { static { f(); } }"],
  ["new.target", "function F(): void { f(new.target); }"],
  ["import.meta", "f(import.meta);"],
  ["tagged template", "f`row`;"],
  ["import()", 'const engine = import("./engine.js");'],
  ["import = require", 'import dgram = require("dgram");'],
  ["BigInt literal", "const big = 1n;"],
  ["named group", "const pattern = /(?<id>a)/;"],
  ["lookbehind", "const pattern = /(?<=a)b/;"],
  ["lookbehind", "const pattern = /(?<!a)b/;"],
  ["lookahead", "const pattern = /a(?=b)/;"],
  ["lookahead", "const pattern = /a(?!b)/;"],
  ["(?:…)", "const pattern = /(?:ab)+/;"],
  ["flag other than g, i, m", "const pattern = /a/u;"],
  ["closure in a loop", "for (let i = 0; i < 4; i++) callbacks.push(() => i);"],
  ["closure in a loop", "for (const row of rows) { callbacks.push(function () { return row; }); }"],
  ["closure in a loop", "for (const key in row) callbacks.push(() => key);"],
  ["closure in a loop", "while (f()) { callbacks.push(() => 1); }"],
  ["closure in a loop", "do { callbacks.push(() => 1); } while (f());"],
  ["enum", "enum State { Up }"],
]);

const globalsBanned = [
  "Map", "Set", "WeakMap", "WeakSet", "WeakRef", "FinalizationRegistry", "Symbol", "Proxy", "Reflect",
  "BigInt", "BigInt64Array", "BigUint64Array", "TextEncoder", "TextDecoder", "RangeError", "EvalError",
  "URIError", "AggregateError", "Intl", "Atomics", "SharedArrayBuffer", "structuredClone",
  "queueMicrotask", "performance", "crypto", "Buffer", "URL", "encodeURI", "decodeURI",
];

const staticsBanned = [
  "Math.imul", "Math.clz32", "Math.trunc", "Math.log2", "Math.log10", "Math.log1p", "Math.expm1",
  "Math.sign", "Math.fround", "Math.hypot", "Math.cbrt", "Math.sinh", "Math.cosh", "Math.tanh",
  "Object.freeze", "Object.isFrozen", "Object.seal", "Object.isSealed", "Object.preventExtensions",
  "Object.assign", "Object.entries", "Object.values", "Object.fromEntries", "Object.is", "Object.hasOwn",
  "Number.isInteger", "Number.isSafeInteger", "Number.isFinite", "Number.isNaN", "Number.parseInt",
  "Number.parseFloat", "Number.MAX_SAFE_INTEGER", "Number.EPSILON",
  "Array.from", "Array.of", "ArrayBuffer.isView", "String.raw", "String.fromCodePoint",
];

const methodsBanned = [
  "sort", "slice", "copyWithin", "reduceRight", "lastIndexOf", "search", "toPrecision", "toExponential",
  "isPrototypeOf", "propertyIsEnumerable", "localeCompare", "toLocaleString", "toLocaleLowerCase",
  "toLocaleUpperCase",
];

/** What Espruino has no such thing of, or one that does something else. */
export const builtinOffences = offences([
  ...globalsBanned.map((name) => [name, `f(${name});`] as const),
  ["Map", "const rows = new Map<number, Row>();"],
  ["RangeError", 'throw new RangeError("too long");'],
  ...staticsBanned.map((name) => [name, `f(${name});`] as const),
  ["Math.imul", 'f(Math["imul"](a, b));'],
  ...methodsBanned.map((name) => [name, `f(values.${name}(a));`] as const),
]);

/** What would make two runs differ, or reach for what is to be handed in. */
export const determinismOffences = offences([
  ["Date", "f(Date.now());"],
  ["Date", "f(new Date());"],
  ...["random", "round", "pow", "sqrt", "exp", "log", "sin", "cos", "tan", "atan2", "PI"]
    .map((name) => [`Math.${name}`, `f(Math.${name});`] as const),
  ...["Promise", "console", "process", "global", "globalThis", "require", "eval", "setTimeout",
    "clearTimeout", "setInterval", "clearInterval", "setImmediate", "clearImmediate"]
    .map((name) => [name, `f(${name});`] as const),
]);

/** State that instances would share. */
export const stateOffences = offences([
  ["module-level mutable state", "let count = 0;"],
  ["module-level mutable state", "var count = 0;"],
  ["module-level mutable state", "export let count = 0;"],
]);

/** Division that leaves a fraction. */
export const fractionOffences = offences([
  ["division `/`", "const half = a / 2;"],
  ["division `/`", "const half = (a / 2) + 1;"],
  ["division `/`", "const half = Math.max(a / 2, 1);"],
  ["division `/=`", "a /= 2;"],
]);

/** What the type checker must refuse in the engine. */
export const typeOffences = offences([
  ["Map", "new Map();"],
  ["Set", "new Set();"],
  ["WeakMap", "new WeakMap();"],
  ["Symbol", 'Symbol("row");'],
  ["for", 'Symbol.for("row");'],
  ["BigInt", "BigInt(1);"],
  ["Promise", "Promise.resolve();"],
  ["Proxy", "new Proxy({}, {});"],
  ["Reflect", "Reflect.ownKeys({});"],
  ["TextEncoder", "new TextEncoder();"],
  ["TextDecoder", "new TextDecoder();"],
  ...["imul(2, 3)", "clz32(2)", "trunc(2)", "log2(2)", "sign(2)", "fround(2)", "hypot(2)", "cbrt(2)"]
    .map((call) => [call.replace(/\(.*/, ""), `Math.${call};`] as const),
  ...["assign({}, {})", "entries({})", "values({})", "fromEntries([])", "is(1, 1)", "hasOwn({}, 'a')"]
    .map((call) => [call.replace(/\(.*/, ""), `Object.${call};`] as const),
  ...["isInteger(1)", "isSafeInteger(1)", "isFinite(1)", "isNaN(1)", "parseInt('1')"]
    .map((call) => [call.replace(/\(.*/, ""), `Number.${call};`] as const),
  ["from", "Array.from([1]);"],
  ["of", "Array.of(1);"],
  ...["includes(1)", "find((value) => value === 1)", "findIndex((value) => value === 1)", "at(0)", "flat()",
    "copyWithin(0, 1)", "entries()", "keys()", "values()"]
    .map((call) => [call.replace(/\(.*/, ""), `[1].${call};`] as const),
  ...["includes(1)", "at(0)", "entries()", "keys()", "values()", "findLast(() => true)"]
    .map((call) => [call.replace(/\(.*/, ""), `new Uint8Array(1).${call};`] as const),
  ...["padStart(2)", "padEnd(2)", "codePointAt(0)", "normalize()", "at(0)", "matchAll(/a/g)",
    "replaceAll('a', 'b')", "trimStart()", "startsWith('a')", "repeat(2)"]
    .map((call) => [call.replace(/\(.*/, ""), `"a".${call};`] as const),
  ["getBigUint64", "new DataView(new ArrayBuffer(8)).getBigUint64(0);"],
  ["typeof globalThis", "globalThis.Map;"],
  ["console", 'console.log("row");'],
  ["setTimeout", "setTimeout(() => {}, 1);"],
  ["process", "process.exit();"],
  ["Buffer", "Buffer.alloc(1);"],
  ["require", 'require("dgram");'],
  ["document", "document.title;"],
  ["performance", "performance.now();"],
  ["crypto", "crypto.subtle;"],
  ["trace", 'trace("row");'],
  ["node:dgram", 'import "node:dgram";'],
]);

/** The language the engine is written in: neither ESLint nor the type checker may object. */
export const innocentSource = `
const SEED = 0xdeadbeef;

/** Sums the bytes of rows. */
export class Rows {
  static readonly WIDTH = 4;
  count = 0;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(private readonly limit: number) {
    this.bytes = new Uint8Array(limit * Rows.WIDTH);
    this.view = new DataView(this.bytes.buffer);
  }

  get full(): boolean {
    return this.count === this.limit;
  }

  put(id: number, bytes: Uint8Array, onFull?: (message: string) => void): boolean {
    if (this.full) {
      if (onFull !== undefined) onFull(\`full: \${this.limit} rows\`);
      return false;
    }
    const start = this.count * Rows.WIDTH;
    this.bytes.subarray(start, start + Rows.WIDTH).fill(0);
    this.bytes.set(bytes.subarray(0, Rows.WIDTH), start);
    this.view.setUint32(start, (id ^ SEED) >>> 0, true);
    this.count++;
    return true;
  }

  middle(fallback: number | null): number {
    let sum = 0;
    for (const byte of this.bytes) sum = (sum + byte) | 0;
    for (const pair of [1, 2]) sum += pair;
    for (const character of "ab") sum += character.charCodeAt(0);
    for (let i = 0; i < this.count; i++) sum ^= this.view.getInt32(i * Rows.WIDTH);
    const half = (sum / 2) | 0;
    return (fallback ?? half) + Math.floor(sum / 3) + ((sum / 4) >>> 0) + Math.min(half, Math.abs(sum));
  }
}

export const isUp = (state: number): boolean => state === 0;
`;
