import { parseAst } from "rollup/parseAst";
import {
  childrenOf, countUses, isFunction, isReference, localNames, render, some, topFunctions, walk,
} from "./estree.js";

/** Characters by which the code may grow when a function is removed, which takes about 90 bytes of RAM. */
const GROWTH_MAX = 60;
/** The same for a single call of a function that remains. */
const CALL_GROWTH_MAX = 6;

/**
 * Inlines functions and methods that are a single expression. On Espruino each
 * takes about seven variables in RAM, and its call takes more time than its body.
 *
 * @param isInternal returns whether a method's name is used only inside the program
 */
export function inlineShort(code, isInternal) {
  let text = code;
  for (;;) {
    const next = inlineRound(text, isInternal);
    if (next === text) return text;
    text = next;
  }
}

function inlineRound(code, isInternal) {
  const program = parseAst(code);
  const facts = factsOf(program);
  const candidates = candidatesOf(program, facts, isInternal);
  const places = callsOf(program, candidates, facts);
  for (const candidate of candidates.values()) decide(candidate);
  const removed = removable(program, facts, isInternal);
  const replace = (node) => {
    if (removed.has(node)) return "";
    const candidate = places.get(node);
    if (candidate === undefined || !candidate.isWorth || !candidate.places.includes(node)) return undefined;
    return inlined(code, candidate, node);
  };
  // Inline inner calls first, so that the next round knows that their results have no side effects.
  for (const candidate of candidates.values()) {
    candidate.places = candidate.places.filter((call) => {
      return !childrenOf(call).some((child) => some(child, (node) => places.get(node)?.isWorth === true));
    });
  }
  return render(code, program, replace);
}

function factsOf(program) {
  const changed = new Set();
  walk(program, (node, above) => {
    const target = node.type === "AssignmentExpression" ? node.left : node.argument;
    if (!isWrite(node) || target.type !== "MemberExpression" || target.computed) return;
    const isAtStart = above.some(({ kind }) => kind === "constructor") && target.object.type === "ThisExpression";
    if (!isAtStart) changed.add(target.property.name);
  });
  return { uses: countUses(program), locals: localNames(program), changed };
}

/** By name: functions and methods that are a single expression and have a unique name in the program. */
function candidatesOf(program, { uses, locals }, isInternal) {
  const all = topFunctions(program);
  const candidates = new Map();
  for (const { name, node, owner } of all) {
    const isSame = (other) => other.name === name && (other.owner === null) === (owner === null);
    const isOnly = all.filter(isSame).length === 1;
    const isOthers = owner === null ? locals.has(name) : !isInternal(name) || uses.otherProperties.has(name);
    const method = owner === null ? node : node.value;
    const expression = expressionOf(method);
    if (!isOnly || isOthers || expression === undefined) continue;
    const parameters = method.params.map((parameter) => parameter.name);
    const others = (owner === null ? uses.otherNames : uses.otherProperties).get(name) ?? 0;
    const candidate = {
      name, parameters, expression, others, places: [], calls: 0, growth: 0, node,
      isMethod: owner !== null, isValue: method.body.body[0].type === "ReturnStatement",
    };
    if (isTransparent(candidate, locals)) candidates.set(`${owner === null ? "" : "."}${name}`, candidate);
  }
  return candidates;
}

function expressionOf({ body, params }) {
  const [statement, ...rest] = body.body;
  if (rest.length > 0 || params.some(({ type }) => type !== "Identifier")) return undefined;
  if (statement?.type === "ReturnStatement") return statement.argument ?? undefined;
  return statement?.type === "ExpressionStatement" ? statement.expression : undefined;
}

/** Whether the expression's names have the same meaning everywhere, and it changes no parameter. */
function isTransparent({ name, parameters, expression, isMethod }, locals) {
  let isFine = true;
  walk(expression, (node, above) => {
    if (isFunction(node) || node.type === "Super") isFine = false;
    if (node.type === "Identifier" && (above.length === 0 || isReference(node, above))) {
      if (!parameters.includes(node.name) && (locals.has(node.name) || node.name === name)) isFine = false;
    }
    if (isWrite(node) && (node.left ?? node.argument).type === "Identifier") isFine = false;
    if (isMethod && node.type === "MemberExpression" && node.property.name === name) isFine = false;
  });
  return isFine;
}

/** Finds the calls that can be inlined and their cost, and adds them to their candidates. */
function callsOf(program, candidates, facts) {
  const places = new Map();
  walk(program, (node, above) => {
    if (node.type !== "CallExpression") return;
    const { callee } = node;
    const isMethod = callee.type === "MemberExpression" && !callee.computed;
    const candidate = isMethod ? candidates.get(`.${callee.property.name}`) : candidates.get(callee.name ?? "");
    if (candidate === undefined || candidate.isMethod !== isMethod) return;
    candidate.calls++;
    if (!candidate.isValue && above.at(-1).type !== "ExpressionStatement") return;
    if (!canReplace(candidate, node, facts)) return;
    candidate.places.push(node);
    candidate.growth += growthOf(candidate, node);
    places.set(node, candidate);
  });
  return places;
}

function decide(candidate) {
  const isAll = candidate.places.length === candidate.calls && candidate.others === 0;
  const growth = isAll ? candidate.growth - weigh(candidate.node) - 12 : candidate.growth;
  candidate.isWorth = growth <= (isAll ? GROWTH_MAX : CALL_GROWTH_MAX * candidate.places.length);
}

/** Whether the expression has the same value and effect with arguments instead of parameters. */
function canReplace(candidate, call, facts) {
  const values = valuesOf(candidate, call);
  if (values === undefined) return false;
  const { expression } = candidate;
  const isCalling = some(expression, isCall);
  const writes = [];
  walk(expression, (node) => { if (isWrite(node)) writes.push(node); });
  const isCalm = !isCalling && (writes.length === 0 || writes.length === 1 && writes[0] === expression);
  for (const [name, value] of values) {
    const uses = usesOf(expression, name);
    if (!isPure(value)) return false;
    if (!isCalm && !isStable(value, facts)) return false;
    if (uses > 1 && weigh(value) > 7) return false;
  }
  return true;
}

/** The arguments of a call by parameter, and `this`. Undefined if their number differs. */
function valuesOf({ parameters, isMethod }, { callee, arguments: given }) {
  if (given.length !== parameters.length) return undefined;
  if (isMethod && callee.object.type === "Super") return undefined;
  const values = new Map(parameters.map((name, i) => [name, given[i]]));
  if (isMethod) values.set("this", callee.object);
  return values;
}

function inlined(code, candidate, call) {
  const values = valuesOf(candidate, call);
  const isName = (node) => node.type === "Identifier" || node.type === "ThisExpression";
  const text = renderWithParents(code, candidate.expression, (node, parent) => {
    if (!isName(node)) return undefined;
    if (parent !== null && node.type === "Identifier" && !isReference(node, [parent])) return undefined;
    const value = values.get(node.name ?? "this");
    if (value === undefined) return undefined;
    const source = code.slice(value.start, value.end);
    return value.type === "Literal" || isName(value) ? source : `(${source})`;
  });
  return `(${text})`;
}

function renderWithParents(code, node, replace) {
  const parents = new Map([[node, null]]);
  walk(node, (child, above) => { if (above.length > 0) parents.set(child, above.at(-1)); });
  return render(code, node, (child) => replace(child, parents.get(child)));
}

/** Functions without remaining uses. */
function removable(program, { uses }, isInternal) {
  const removed = new Set();
  for (const { name, node, owner } of topFunctions(program)) {
    const maps = owner === null ? [uses.functionCalls, uses.otherNames] : [uses.methodCalls, uses.otherProperties];
    if (owner !== null && !isInternal(name)) continue;
    if (maps.every((map) => !map.has(name))) removed.add(node);
  }
  return removed;
}

function usesOf(expression, name) {
  let uses = 0;
  walk(expression, (node, above) => {
    if (node.type === "ThisExpression" && name === "this") uses++;
    if (node.type === "Identifier" && node.name === name && (above.length === 0 || isReference(node, above))) uses++;
  });
  return uses;
}

function growthOf(candidate, call) {
  let after = weigh(candidate.expression);
  for (const [name, value] of valuesOf(candidate, call)) {
    after += usesOf(candidate.expression, name) * (weigh(value) - (name === "this" ? 4 : 1));
  }
  return after - weigh(call);
}

/** The approximate number of characters of a node when it is minified. */
function weigh(node) {
  const own = { Literal: 0, ThisExpression: 4, MemberExpression: 2, CallExpression: 2, ReturnStatement: 7 };
  const text = (node.raw ?? node.operator ?? "").length;
  return childrenOf(node).reduce((sum, child) => sum + weigh(child), text + (own[node.type] ?? 1));
}

function isWrite({ type, operator }) {
  const isDeletion = type === "UnaryExpression" && operator === "delete";
  return type === "AssignmentExpression" || type === "UpdateExpression" || isDeletion;
}

function isCall({ type }) {
  return type === "CallExpression" || type === "NewExpression";
}

function isPure(node) {
  const pure = [
    "Identifier", "ThisExpression", "Literal", "MemberExpression", "BinaryExpression", "LogicalExpression",
    "ConditionalExpression", "UnaryExpression",
  ];
  return pure.includes(node.type) && !isWrite(node) && childrenOf(node).every(isPure);
}

/** Whether no other call can change a value. */
function isStable(node, { changed }) {
  switch (node.type) {
    case "Literal": case "ThisExpression": case "Identifier": return true;
    case "MemberExpression":
      return !node.computed && !changed.has(node.property.name) && isStable(node.object, { changed });
    case "BinaryExpression": return isStable(node.left, { changed }) && isStable(node.right, { changed });
    default: return false;
  }
}
