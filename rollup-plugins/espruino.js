import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { rollup } from "rollup";
import { parseAst } from "rollup/parseAst";
import { declarationsOf, internalNames } from "./program.js";

const tsconfig = fileURLToPath(new URL("../tsconfig.espruino.json", import.meta.url));
/** The latest syntax of which Espruino has nearly all; the linter's rules keep the rest out of the sources. */
const target = "es2015";

/** For `require` from Espruino's Storage. */
export const espruinoOutput = { format: "cjs", exports: "named", esModule: false, strict: false, freeze: false };

/** Takes away the types of TypeScript, and fields out of the bodies of classes. */
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
 * Puts the values of a bundle's constants into their places: on Espruino each
 * name costs a variable in RAM, and is looked for among all others whenever it
 * is used.
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

/** Makes all names short that nobody else uses, too: on Espruino one of more than four letters takes more RAM. */
export function shorten(entry) {
  return {
    name: "shorten",
    async renderChunk(code) {
      const mangleProps = new RegExp(`^(${internalNames(entry, tsconfig).join("|")})$`);
      const { code: short } = await transform(code, { target, mangleProps, minify: true, format: "cjs" });
      return { code: short, map: null };
    },
  };
}

/** What stands beside the bundle: its types, and that it is CommonJS in a package that is not. */
export function besideBundle(entry) {
  return {
    name: "beside-bundle",
    generateBundle() {
      const emit = (fileName, source) => this.emitFile({ type: "asset", fileName, source });
      emit("package.json", '{ "type": "commonjs" }\n');
      for (const [file, text] of declarationsOf(entry, tsconfig)) emit(`types/${file}`, text);
    },
  };
}

/** Bundles a module for Espruino: as one can read it, and minified. */
export async function bundleForEspruino(entry) {
  const bundle = await rollup({ input: entry, plugins: [stripTypes] });
  const generate = async (plugins) => (await bundle.generate({ ...espruinoOutput, plugins })).output[0].code;
  return {
    readable: await generate([inlineConstants]),
    minified: await generate([inlineConstants, shorten(entry)]),
  };
}

/** Splits a bundle into its constants that are numbers, and the rest. */
function takeConstants(code) {
  const values = new Map();
  const declarations = parseAst(code).body
    .filter(({ type, kind }) => type === "VariableDeclaration" && kind === "const")
    .filter(({ declarations: { length } }) => length === 1);
  let rest = code;
  for (let before = -1; before < values.size;) {
    before = values.size;
    for (const { start, end, declarations: [{ id, init }] } of declarations) {
      const value = values.has(id.name) ? undefined : numberOf(init, values);
      if (value === undefined) continue;
      values.set(id.name, value);
      rest = rest.slice(0, start) + " ".repeat(end - start) + rest.slice(end);
    }
  }
  return { values, rest };
}

/** The value of a constant expression; undefined when it is none. */
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
