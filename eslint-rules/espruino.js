// Rule options for the JavaScript that V8, Moddable XS and Espruino share. Each entry is missing on
// Espruino 2v29, works differently there, or would make two runs differ.
// test/language-rules.test.ts holds one offending line for each entry.

const missing = "Espruino has none";

/** `no-restricted-syntax`: what Espruino cannot parse. */
const missingSyntax = [
  ["ObjectPattern", "destructuring of an object"],
  ["ArrayPattern", "destructuring of an array"],
  ["RestElement", "rest element"],
  ["SpreadElement", "spread"],
  ["AssignmentPattern", "default value of a parameter"],
  ["ChainExpression", "optional chaining `?.`"],
  ["BinaryExpression[operator='**']", "`**`"],
  ["AssignmentExpression[operator='**=']", "`**=`"],
  ["AssignmentExpression[operator='??=']", "`??=`"],
  ["AssignmentExpression[operator='||=']", "`||=`"],
  ["AssignmentExpression[operator='&&=']", "`&&=`"],
  ["PrivateIdentifier", "private name `#…`; write `private`"],
  ["LabeledStatement", "label"],
  [":matches(Property, MethodDefinition, PropertyDefinition)[computed=true]", "computed key"],
  [":function[generator=true]", "generator"],
  [":function[async=true]", "async function"],
  ["AwaitExpression", "await"],
  ["ForOfStatement[await=true]", "for await"],
  ["StaticBlock", "static block"],
  ["MetaProperty", "new.target or import.meta"],
  ["TaggedTemplateExpression", "tagged template"],
  ["ImportExpression", "import()"],
  ["TSImportEqualsDeclaration", "import = require"],
  ["Literal[bigint]", "BigInt literal"],
  ["Literal[regex.pattern=/[(][?]<[^=!]/]", "named group in a regular expression"],
  ["Literal[regex.pattern=/[(][?]<[=!]/]", "lookbehind in a regular expression"],
  ["Literal[regex.pattern=/[(][?][^<]/]", "lookahead or (?:…) in a regular expression"],
  ["Literal[regex.flags=/[^gim]/]", "flag other than g, i, m of a regular expression"],
].map(([selector, name]) => ({ selector, message: `${name}: ${missing}.` }));

const functions = ":matches(ArrowFunctionExpression, FunctionExpression, FunctionDeclaration)";
const loop = ":matches(ForStatement, ForInStatement, ForOfStatement, WhileStatement, DoWhileStatement)";
/** The parts of a loop that run in each iteration: compilers move statements before the loop into its head. */
const roundOfFor = ":matches(ForStatement > .body, ForStatement > .test, ForStatement > .update)";
const round = `:matches(${roundOfFor}, ForInStatement, ForOfStatement, WhileStatement, DoWhileStatement)`;
const sharedBinding = "closure in a loop: on Espruino all rounds of the loop share one binding.";

/** `no-restricted-syntax`: parsed everywhere, but with another effect or cost. */
const differingSyntax = [
  { selector: `${loop} ${functions}`, message: sharedBinding },
  {
    selector: "TSEnumDeclaration",
    message: "enum: creates an object in RAM at run time. Export constants.",
  },
];

const divided = "BinaryExpression[operator='/']";
const truncating = ["|", ">>", ">>>"].map((operator) => `BinaryExpression[operator='${operator}']`);
const rounding = "CallExpression[callee.object.name='Math'][callee.property.name=/^(floor|ceil)$/]";

/** `no-restricted-syntax`, only in the engine: decisions must not depend on floats. */
const fractions = [
  {
    selector: `${divided}:not(:matches(${truncating.join(", ")}, ${rounding}) > ${divided})`,
    message: "division `/` leaves a fraction: write (a / b) | 0, (a / b) >>> 0 or Math.floor(a / b).",
  },
  {
    selector: "AssignmentExpression[operator='/=']",
    message: "division `/=` leaves a fraction: write a = (a / b) | 0.",
  },
];

/** `no-restricted-syntax`, all of src: state belongs to an instance. */
const moduleState = [{
  selector: ":matches(Program, Program > ExportNamedDeclaration) > VariableDeclaration[kind=/^(let|var)$/]",
  message: "module-level mutable state: instances would share it, and each variable costs an alias on XS.",
}];

const globalNames = (names, reason) => names.map((name) => ({ name, message: `${name}: ${reason}.` }));

/** `no-restricted-globals` */
const missingGlobals = globalNames([
  "Map", "Set", "WeakMap", "WeakSet", "WeakRef", "FinalizationRegistry", "Symbol", "Proxy", "Reflect",
  "BigInt", "BigInt64Array", "BigUint64Array", "TextEncoder", "TextDecoder", "RangeError", "EvalError",
  "URIError", "AggregateError", "Intl", "Atomics", "SharedArrayBuffer", "structuredClone",
  "queueMicrotask", "performance", "crypto", "Buffer", "URL", "encodeURI", "decodeURI",
], missing);

/** `no-restricted-globals` */
const hostGlobals = globalNames([
  "Date", "Promise", "console", "process", "global", "globalThis", "require", "eval",
  "setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "clearImmediate",
], "clock, timers and the host are handed in, through src/platform");

/** All static members of these objects are forbidden, except the listed ones. So no new member is overlooked. */
const allowedStatics = {
  Array: ["isArray"],
  ArrayBuffer: [],
  Math: ["abs", "ceil", "floor", "max", "min"],
  Number: ["MAX_VALUE", "MIN_VALUE", "NaN", "NEGATIVE_INFINITY", "POSITIVE_INFINITY"],
  Object: ["create", "defineProperty", "getOwnPropertyNames", "getPrototypeOf", "keys"],
  String: ["fromCharCode"],
};

/** `no-restricted-properties` */
const statics = Object.entries(allowedStatics).flatMap(([object, allowed]) =>
  Object.getOwnPropertyNames(globalThis[object])
    .filter((property) => !["name", "length", "prototype", ...allowed].includes(property))
    .map((property) => ({
      object,
      property,
      message: "Missing on Espruino, different on some engine, or not needed.",
    })));

const methods = (names, message) => names.map((property) => ({ property, message }));

/** `no-restricted-properties`: by name, for any object. */
const instanceMethods = [
  ...methods(["sort"], "Unstable on Espruino; keep the order while inserting."),
  ...methods(["slice"], "On Espruino not a typed array. Use subarray; of a string, substring."),
  ...methods(
    ["copyWithin", "reduceRight", "lastIndexOf", "search", "toPrecision", "toExponential",
      "isPrototypeOf", "propertyIsEnumerable"],
    "Espruino has none, at least not of arrays.",
  ),
  ...methods(
    ["localeCompare", "toLocaleString", "toLocaleLowerCase", "toLocaleUpperCase"],
    "Depends on the host's locale.",
  ),
];

/** Rules for all files of src. */
export const sourceRules = {
  "no-restricted-syntax": ["error", ...moduleState],
};

/** Rules for files that run on all engines and use no platform. */
export const portableRules = {
  "no-restricted-syntax": ["error", ...moduleState, ...missingSyntax, ...differingSyntax],
  "no-restricted-globals": ["error", ...missingGlobals, ...hostGlobals],
  "no-restricted-properties": ["error", ...statics, ...instanceMethods],
};

/** Rules for the engine: portable and deterministic. */
export const engineRules = {
  ...portableRules,
  "no-restricted-syntax": [...portableRules["no-restricted-syntax"], ...fractions],
};

/** Rules for the Espruino platform: its JavaScript, with its clock, timers and modules. */
export const espruinoRules = {
  "no-restricted-syntax": portableRules["no-restricted-syntax"],
  "no-restricted-globals": ["error", ...missingGlobals],
};

// src/errors.ts asks for RangeError by `typeof`; the rules for sources see all other uses.
const missingInBundle = missingGlobals.filter(({ name }) => name !== "RangeError");

/** Rules for the bundles for Espruino: compilers may add syntax that no source has. */
export const bundleRules = {
  "no-restricted-syntax": [
    "error", ...missingSyntax, { selector: `${round} ${functions}`, message: sharedBinding },
    { selector: "CatchClause[param=null]", message: "catch without a name: old versions of Espruino cannot parse it." },
    { selector: "Identifier[name='of']", message: "of: Espruino treats it as a keyword, even as a name." },
  ],
  "no-restricted-globals": ["error", ...missingInBundle],
  "no-restricted-properties": portableRules["no-restricted-properties"],
};
