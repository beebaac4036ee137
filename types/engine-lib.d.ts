// What the engine may use beyond lib.es5: iteration by for-of, and nothing else.
//
// lib.es5 leaves out what Espruino lacks (Map, Symbol, Math.imul, …), but since the compile
// target is later than ES5, for-of asks for `[Symbol.iterator]`, and the checker finds that one
// only through a global `Symbol`. Here it can't be called and has no other member; ESLint
// forbids the name itself, and what lib.es5 has and Espruino has not (eslint-rules/espruino.js).

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
