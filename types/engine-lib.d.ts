// The only addition to lib.es5 that the engine may use: iteration with for-of.
//
// lib.es5 excludes what Espruino lacks (Map, Symbol, Math.imul, …). But the compile target is
// later than ES5, so for-of requires `[Symbol.iterator]`, which the type checker finds only
// through a global `Symbol`. This `Symbol` cannot be called and has no other member. ESLint
// forbids the name itself, and the parts of lib.es5 that Espruino lacks (eslint-rules/espruino.js).

interface SymbolConstructor {
  readonly iterator: unique symbol;
}

declare const Symbol: SymbolConstructor;

interface IteratorYieldResult<TYield> {
  done?: false;
  value: TYield;
}

interface IteratorReturnResult<TReturn> {
  done: true;
  value: TReturn;
}

type IteratorResult<T, TReturn = any> = IteratorYieldResult<T> | IteratorReturnResult<TReturn>;

interface Iterator<T, TReturn = any, TNext = any> {
  next(value?: TNext): IteratorResult<T, TReturn>;
}

interface Iterable<T, TReturn = any, TNext = any> {
  [Symbol.iterator](): Iterator<T, TReturn, TNext>;
}

interface IterableIterator<T, TReturn = any, TNext = any> extends Iterator<T, TReturn, TNext> {
  [Symbol.iterator](): IterableIterator<T, TReturn, TNext>;
}

interface Array<T> extends Iterable<T> {}
interface ReadonlyArray<T> extends Iterable<T> {}
interface String extends Iterable<string> {}
interface Int8Array<TArrayBuffer extends ArrayBufferLike> extends Iterable<number> {}
interface Uint8Array<TArrayBuffer extends ArrayBufferLike> extends Iterable<number> {}
interface Int16Array<TArrayBuffer extends ArrayBufferLike> extends Iterable<number> {}
interface Uint16Array<TArrayBuffer extends ArrayBufferLike> extends Iterable<number> {}
interface Int32Array<TArrayBuffer extends ArrayBufferLike> extends Iterable<number> {}
interface Uint32Array<TArrayBuffer extends ArrayBufferLike> extends Iterable<number> {}
