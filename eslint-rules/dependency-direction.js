import path from "node:path";

/** What all but the innermost parts may use. */
const errors = "src/errors.js";

/** Longest prefix first: the first part that holds a file is its part. */
const parts = [
  { name: "src/cbor", values: ["src/cbor"], types: ["src/cbor"], packages: false },
  { name: "src/digest", values: ["src/digest"], types: ["src/digest"], packages: false },
  { name: "src/engine", values: ["src/engine", "src/cbor", "src/digest"],
    types: ["src/engine", "src/cbor", "src/digest"], packages: false },
  { name: "src/espgossip", values: [errors, "src/engine", "src/cbor", "src/espgossip"],
    types: ["src"], packages: false },
  { name: "src/views", values: [errors, "src/engine", "src/cbor", "src/views"], types: ["src"], packages: false },
  { name: "src/sealing", values: [errors, "src/engine", "src/cbor", "src/sealing"], types: ["src"], packages: false },
  { name: "src/platform", values: [errors, "src/platform", "src/sealing"], types: ["src"], packages: true },
  { name: "src", values: ["src"], types: ["src"], packages: false },
  { name: "desktop/platform", values: ["src", "desktop/platform"], types: ["src"], packages: true },
  { name: "desktop/simulator", values: ["src", "desktop/platform", "desktop/simulator"],
    types: ["src", "desktop/simulator"], packages: true },
  { name: "desktop", values: ["src", "desktop"], types: ["src", "desktop"], packages: true },
];

const isWithin = (file, directory) => file === directory || file.startsWith(`${directory}/`);

/** Who may import whom. Imports point inwards; src/engine imports nothing outside itself. */
export default {
  meta: {
    type: "problem",
    schema: [],
    messages: {
      outside: "{{part}} may not import {{kind}} from outside {{allowed}}: \"{{source}}\".",
      package: "{{part}} may not import a package: \"{{source}}\".",
    },
  },
  create(context) {
    const relativePath = (file) => path.relative(context.cwd, file).split(path.sep).join("/");
    const part = parts.find(({ name }) => isWithin(relativePath(context.filename), name));
    if (part === undefined) return {};

    function check(node, isTypeOnly) {
      const source = node?.value;
      if (typeof source !== "string") return;
      if (!source.startsWith(".")) {
        if (!part.packages) context.report({ node, messageId: "package", data: { part: part.name, source } });
        return;
      }
      const target = relativePath(path.resolve(path.dirname(context.filename), source));
      const allowed = isTypeOnly ? part.types : part.values;
      if (allowed.some((directory) => isWithin(target, directory))) return;
      const kind = isTypeOnly ? "types" : "values";
      const data = { part: part.name, kind, allowed: allowed.join(", "), source };
      context.report({ node, messageId: "outside", data });
    }

    return {
      ImportDeclaration: (node) => check(node.source, node.importKind === "type"),
      ExportAllDeclaration: (node) => check(node.source, node.exportKind === "type"),
      ExportNamedDeclaration: (node) => check(node.source, node.exportKind === "type"),
      ImportExpression: (node) => check(node.source, false),
      TSImportType: (node) => check(node.source, true),
    };
  },
};
