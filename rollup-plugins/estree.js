/** Where a node keeps its children, which the plugins look at many times: for-in and JSON pass over symbols. */
const CHILDREN = Symbol("children");

/** The direct children of an ESTree node, in the order of the source. */
export function childrenOf(node) {
  return (node[CHILDREN] ??= findChildren(node));
}

function findChildren(node) {
  const children = [];
  for (const key in node) {
    // In `{ a }` the key and the value are the same name.
    if (key === "key" && node.shorthand) continue;
    const value = node[key];
    if (typeof value !== "object" || value === null) continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === "string") children.push(child);
    }
  }
  return children.sort((one, other) => one.start - other.start);
}

/** Calls `visit` with each node and its ancestors, the nearest last. They are valid until `visit` returns. */
export function walk(node, visit, above = []) {
  visit(node, above);
  above.push(node);
  for (const child of childrenOf(node)) walk(child, visit, above);
  above.pop();
}

export function some(node, condition) {
  return condition(node) || childrenOf(node).some((child) => some(child, condition));
}

/** The source of a node, in which `replace` may replace nodes. */
export function render(code, node, replace) {
  const replaced = replace(node);
  if (replaced !== undefined) return replaced;
  if (node.type === "Property" && node.shorthand) {
    const value = render(code, node.value, replace);
    return value === node.key.name ? value : `${node.key.name}: ${value}`;
  }
  let text = "";
  let at = node.start;
  for (const child of childrenOf(node)) {
    text += code.slice(at, child.start) + render(code, child, replace);
    at = child.end;
  }
  return text + code.slice(at, node.end);
}

/** Whether an identifier refers to a value, and is not a key or a property name. */
export function isReference(node, above) {
  if (node.type !== "Identifier") return false;
  const parent = above.at(-1);
  switch (parent.type) {
    case "MemberExpression": return parent.computed || parent.object === node;
    case "MethodDefinition": case "PropertyDefinition": return false;
    case "Property": return parent.shorthand || parent.value === node;
    default: return true;
  }
}

export function isFunction(node) {
  return node.type.includes("Function");
}

/** All names that are bound below the top level: parameters, variables, caught errors. */
export function localNames(program) {
  const names = new Set();
  walk(program, (node, above) => {
    if (isFunction(node)) {
      node.params.forEach(({ name }) => names.add(name));
      if (node.id !== null && above.some(isFunction)) names.add(node.id?.name);
    }
    if (node.type === "CatchClause" && node.param !== null) names.add(node.param.name);
    if (node.type === "VariableDeclarator" && above.length > 2) names.add(node.id.name);
  });
  return names;
}

/** The functions and methods at the top level of a program: names, nodes and, of methods, classes. */
export function topFunctions(program) {
  return program.body.flatMap((statement) => {
    if (statement.type === "FunctionDeclaration") return [{ name: statement.id.name, node: statement, owner: null }];
    if (statement.type !== "ClassDeclaration") return [];
    return statement.body.body
      .filter(({ kind, static: isStatic }) => kind === "method" && !isStatic)
      .map((method) => ({ name: method.key.name, node: method, owner: statement }));
  });
}

/**
 * Counts names: `calls` of functions by name and of methods by any object, and all
 * other mentions.
 */
export function countUses(program) {
  const uses = { functionCalls: new Map(), methodCalls: new Map(), otherNames: new Map(), otherProperties: new Map() };
  const count = (map, name) => map.set(name, (map.get(name) ?? 0) + 1);
  walk(program, (node, above) => {
    const parent = above.at(-1);
    if (node.type === "MemberExpression" && !node.computed) {
      const isCalled = parent.type === "CallExpression" && parent.callee === node && node.object.type !== "Super";
      count(isCalled ? uses.methodCalls : uses.otherProperties, node.property.name);
    } else if (node.type === "Property") {
      count(uses.otherProperties, node.key.name ?? node.key.value);
    } else if (node.type === "MethodDefinition") {
      const isMethod = node.kind === "method" && !node.static;
      if (!isMethod) count(uses.otherProperties, node.key.name);
    }
    if (!isReference(node, above)) return;
    const isClassName = parent.type === "ClassDeclaration" && parent.id === node;
    if (isClassName || isFunction(parent) && parent.body !== node) return;
    const isCalled = parent.type === "CallExpression" && parent.callee === node;
    count(isCalled ? uses.functionCalls : uses.otherNames, node.name);
  });
  return uses;
}
