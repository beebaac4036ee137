import { parseAst } from "rollup/parseAst";
import { countUses, isReference, localNames, render, topFunctions, walk } from "./estree.js";

/** The name of the object parameter in a method that became a function. */
const SELF = "self$";

/**
 * Turns methods with a unique name in the program into functions with the object as
 * first parameter. Turns classes without remaining methods into functions that
 * return a plain object.
 *
 * @param isInternal returns whether a method's name is used only inside the program
 */
export function flatten(code, isInternal) {
  return plainObjects(plainFunctions(code, isInternal));
}

function plainFunctions(code, isInternal) {
  const program = parseAst(code);
  const uses = countUses(program);
  const all = topFunctions(program).filter(({ owner }) => owner !== null);
  const moved = new Map();
  for (const { name, node, owner } of all) {
    const isOnly = all.filter((other) => other.name === name).length === 1;
    if (isOnly && isInternal(name) && !uses.otherProperties.has(name)) moved.set(name, { node, owner });
  }
  const nameOf = (name) => name.includes("$") ? name : `${name}$${moved.get(name).owner.id.name}`;
  const isMovedCall = ({ type, callee }) => {
    const isMethod = type === "CallExpression" && callee.type === "MemberExpression" && !callee.computed;
    return isMethod && moved.has(callee.property.name);
  };
  const inside = (isMoved) => (node) => {
    if (isMoved && node.type === "ThisExpression") return SELF;
    if (!isMovedCall(node)) return undefined;
    const values = [node.callee.object, ...node.arguments].map((value) => render(code, value, inside(isMoved)));
    return `${nameOf(node.callee.property.name)}(${values.join(", ")})`;
  };
  const functions = [];
  for (const [name, { node: { value } }] of moved) {
    const parameters = [SELF, ...value.params.map((parameter) => parameter.name)];
    functions.push(functionOf(nameOf(name), parameters, render(code, value.body, inside(true))));
  }
  const nodes = new Set([...moved.values()].map(({ node }) => node));
  const rest = render(code, program, (node) => nodes.has(node) ? "" : inside(false)(node));
  return `${rest}\n${functions.join("\n")}\n`;
}

/** Replaces `new` of a class that has only a constructor by a call. */
function plainObjects(code) {
  const program = parseAst(code);
  const classes = plainClasses(program);
  const inConstructor = (superClass) => (node) => {
    if (node.type === "ThisExpression") return SELF;
    if (node.type === "CallExpression" && node.callee.type === "Super") {
      const values = node.arguments.map((value) => render(code, value, inConstructor(superClass)));
      return `make$${superClass.name}(${[SELF, ...values].join(", ")})`;
    }
    return outside(node, inConstructor(superClass));
  };
  const outside = (node, inner) => {
    if (node.type !== "NewExpression" || !classes.has(node.callee.name)) return undefined;
    const values = node.arguments.map((value) => render(code, value, inner));
    return `make$${node.callee.name}(${["{}", ...values].join(", ")})`;
  };
  const made = new Map([...classes.values()].map((one) => [one, makerOf(code, one, inConstructor(one.superClass))]));
  const top = (node) => made.get(node) ?? outside(node, top);
  return render(code, program, top);
}

function makerOf(code, { id: { name }, superClass, body }, replace) {
  const constructor = body.body[0]?.value;
  if (constructor === undefined) {
    const made = superClass === null ? SELF : `make$${superClass.name}(${SELF})`;
    return functionOf(`make$${name}`, [SELF], `{ return ${made}; }`);
  }
  const parameters = [SELF, ...constructor.params.map((parameter) => parameter.name)];
  const text = render(code, constructor.body, replace);
  return functionOf(`make$${name}`, parameters, text.replace(/\}$/, `return ${SELF}; }`));
}

function functionOf(name, parameters, body) {
  return `function ${name}(${parameters.join(", ")}) ${body}`;
}

/**
 * By name: classes that are only instantiated, and have at most a constructor. The same
 * holds for all classes that they extend, and for all that extend them.
 */
function plainClasses(program) {
  const all = program.body.filter(({ type }) => type === "ClassDeclaration");
  const classes = new Map(all.map((one) => [one.id.name, one]));
  for (const name of usedOtherwise(program, classes)) classes.delete(name);
  for (let before = -1; before !== classes.size;) {
    before = classes.size;
    for (const [name, { superClass, body }] of classes) {
      const isAlone = superClass === null || classes.has(superClass.name);
      if (!isAlone || body.body.some(({ kind }) => kind !== "constructor")) classes.delete(name);
    }
    for (const { id, superClass } of all) {
      if (superClass !== null && !classes.has(id.name)) classes.delete(superClass.name);
    }
  }
  return classes;
}

/** Names of classes with other uses than `new` and `extends`. */
function usedOtherwise(program, classes) {
  const names = new Set();
  walk(program, (node, above) => {
    const parent = above.at(-1);
    if (!classes.has(node.name) || !isReference(node, above)) return;
    const isFine = parent.type === "NewExpression" && parent.callee === node
      || parent.type === "ClassDeclaration" && (parent.id === node || parent.superClass === node);
    if (!isFine) names.add(node.name);
  });
  for (const name of localNames(program)) names.add(name);
  return names;
}
