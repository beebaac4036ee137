import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { rollup } from "rollup";
import { parseAst } from "rollup/parseAst";
import { flatten } from "./flatten.js";
import { inlineShort } from "./inline.js";
import { leaveInFlash } from "./lazy.js";
import { internalNames, memberNames } from "./program.js";

const tsconfig = fileURLToPath(new URL("../tsconfig.espruino.json", import.meta.url));
/**
 * Names that no property gets, each under a name that no source has. Espruino treats `of` as a keyword everywhere. All
 * its objects have methods `on` and `emit`: a field with such a name would be a function before it is set.
 */
const reserved = Object.fromEntries(["of", "on", "emit"].map((name) => [`${name}$`, name]));
/** Espruino supports nearly all of this syntax; the linter's rules exclude the rest from the sources. */
const target = "es2015";
/** The expression by which the module reads its own text. Its name in Storage must be `chisme`. */
const MODULE_TEXT = 'require("Storage").read("chisme")';

/** For `require` from Espruino's Storage. */
export const espruinoOutput = { format: "cjs", exports: "named", esModule: false, strict: false, freeze: false };

/** Removes the types of TypeScript, and moves fields out of the bodies of classes. */
export const stripTypes = {
  name: "strip-types",
  resolveId(source, importer) {
    const isRelative = source.startsWith(".") && importer !== undefined;
    return isRelative ? fileURLToPath(new URL(source.replace(/\.js$/, ".ts"), `file://${importer}`)) : null;
  },
  async transform(code, id) {
    const tsconfigRaw = { compilerOptions: { target, useDefineForClassFields: false, verbatimModuleSyntax: true } };
    const { code: stripped } = await transform(code, { loader: "ts", target, tsconfigRaw, sourcefile: id });
    return { code: stripped, map: null };
  },
};

/**
 * Replaces a bundle's constants by their values. On Espruino each constant takes a
 * variable in RAM, and each use searches it among all others.
 */
export const inlineConstants = {
  name: "inline-constants",
  async renderChunk(code) {
    const { values, rest } = takeConstants(code);
    const define = Object.fromEntries([...values].map(([name, value]) => [name, String(value)]));
    const { code: inlined } = await transform(rest, { target, define, format: "cjs" });
    return { code: inlined, map: null };
  },
};

/**
 * Runs before `stripTypes`. Gives each method a unique name, by which `shorten` and
 * `leaveMost` find its calls. Gives each field a unique name, so that it can be
 * shortened: on Espruino a name of more than four letters takes another variable.
 */
export function ownNames(entry) {
  let edits;
  return {
    name: "own-names",
    buildStart() {
      edits = memberNames(entry, tsconfig);
    },
    transform(code, id) {
      let text = "";
      let at = 0;
      for (const { start, end, name } of edits.get(id) ?? []) {
        text += code.slice(at, start) + name;
        at = end;
      }
      return { code: text + code.slice(at), map: null };
    },
  };
}

/** Inlines short functions, and shortens all internal names. */
export function shorten(entry) {
  return {
    name: "shorten",
    async renderChunk(code) {
      const { isInternal, options } = minifying(entry);
      const { code: short } = await transform(inlineShort(code, isInternal), options);
      return { code: short, map: null };
    },
  };
}

/**
 * Like `shorten`, and leaves nearly all functions in flash until they are called.
 *
 * @param from expression that reads the module's text
 */
export function leaveMost(entry, from = MODULE_TEXT) {
  return {
    name: "leave-most",
    async renderChunk(code) {
      const { isInternal, options } = minifying(entry);
      const flat = flatten(inlineShort(code, isInternal), isInternal);
      return { code: await leaveInFlash(inlineShort(flat, isInternal), from, options), map: null };
    },
  };
}

function minifying(entry) {
  const names = internalNames(entry, tsconfig);
  const internal = new Set(names);
  const mangleProps = new RegExp(`^(${names.join("|")})$|[$]`);
  return {
    isInternal: (name) => internal.has(name) || name.includes("$"),
    options: { target, mangleProps, mangleCache: reserved, minify: true, format: "cjs" },
  };
}

/** Writes a package.json next to the bundle that marks it as CommonJS. */
export const besideBundle = {
  name: "beside-bundle",
  generateBundle() {
    this.emitFile({ type: "asset", fileName: "package.json", source: '{ "type": "commonjs" }\n' });
  },
};

/** Bundles a module for Espruino in the ways of `kinds`: readable, minified, or lean, with most of it left in flash. */
export async function bundleForEspruino(entry, kinds, from = MODULE_TEXT) {
  const named = kinds.some((kind) => kind !== "readable")
    && await rollup({ input: entry, plugins: [ownNames(entry), stripTypes] });
  const generate = async (bundle, ...plugins) => {
    const { output } = await bundle.generate({ ...espruinoOutput, plugins: [inlineConstants, ...plugins] });
    return output[0].code;
  };
  const makers = {
    readable: async () => generate(await rollup({ input: entry, plugins: [stripTypes] })),
    minified: () => generate(named, shorten(entry)),
    lean: () => generate(named, leaveMost(entry, from)),
  };
  const bundles = {};
  for (const kind of kinds) bundles[kind] = await makers[kind]();
  return bundles;
}

/** Splits a bundle into its numeric constants and the rest. */
function takeConstants(code) {
  const values = new Map();
  const declarations = parseAst(code).body
    .filter(({ type, kind }) => type === "VariableDeclaration" && kind === "const")
    .filter(({ declarations: { length } }) => length === 1);
  const taken = [];
  for (let before = -1; before < values.size;) {
    before = values.size;
    for (const { start, end, declarations: [{ id, init }] } of declarations) {
      const value = values.has(id.name) ? undefined : numberOf(init, values);
      if (value === undefined) continue;
      values.set(id.name, value);
      taken.push({ start, end });
    }
  }
  let rest = "";
  let at = 0;
  for (const { start, end } of taken.sort((one, other) => one.start - other.start)) {
    rest += code.slice(at, start) + " ".repeat(end - start);
    at = end;
  }
  return { values, rest: rest + code.slice(at) };
}

/** The value of a constant expression; undefined for any other expression. */
function numberOf(node, values) {
  switch (node.type) {
    case "Literal": return typeof node.value === "number" ? node.value : undefined;
    case "Identifier": return values.get(node.name);
    case "UnaryExpression": return calculate(node.operator, 0, numberOf(node.argument, values));
    case "BinaryExpression": return calculate(node.operator, numberOf(node.left, values), numberOf(node.right, values));
    default: return undefined;
  }
}

function calculate(operator, left, right) {
  if (left === undefined || right === undefined) return undefined;
  switch (operator) {
    case "+": return left + right;
    case "-": return left - right;
    case "*": return left * right;
    case "<<": return left << right;
    case ">>>": return left >>> right;
    case "|": return left | right;
    default: return undefined;
  }
}
