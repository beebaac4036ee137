import { transform } from "esbuild";
import { parseAst } from "rollup/parseAst";
import { countUses, localNames, render, some, topFunctions, walk } from "./estree.js";

/**
 * The function `$(at, length)` that reads a function. esbuild never generates names
 * of this length. A function created by `eval` here would keep the variables of `$`
 * alive, which are eight of Espruino's. So it gets the scope of `$`, the module's,
 * under Espruino's internal name. On other engines that is an ordinary property.
 */
const READER = "($at,$len)=>{const $fn=eval($txt.substr($at,$len));$fn[\"\\xffsco\"]=$[\"\\xffsco\"];return $fn}";

/**
 * Leaves functions in flash until they are called. `require` runs only the exported
 * classes, and functions with other uses than calls. All other functions follow in a
 * comment, and their calls read them from the module's own text. So a function takes
 * variables only while it runs, but its calls take more time.
 *
 * @param from expression that reads the module's text
 * @param options options of esbuild for minification
 */
export async function leaveInFlash(code, from, options) {
  const { text, names } = takeOut(code);
  const { code: short } = await transform(text, options);
  return layOut(short.trim(), from, names);
}

/** Turns a function into `$(name, function)` and its calls into `$(name)(…)`, which can be found after minification. */
function takeOut(code) {
  const program = parseAst(code);
  const left = leftOf(program);
  const nodes = new Set(left.values());
  const functions = [...left].map(([name, node]) => {
    const parameters = node.params.map((parameter) => parameter.name).join(", ");
    return `$("${name}", (${parameters}) => ${code.slice(node.body.start, node.body.end)});`;
  });
  const text = [render(code, program, (node) => nodes.has(node) ? "" : undefined), ...functions].join("\n");
  const tree = parseAst(text);
  const callees = new Set();
  walk(tree, (node, above) => {
    const parent = above.at(-1);
    if (parent?.type === "CallExpression" && parent.callee === node && left.has(node.name)) callees.add(node);
  });
  const marked = render(text, tree, (node) => callees.has(node) ? `$("${node.name}")` : undefined);
  return { text: marked, names: [...left.keys()] };
}

/** By name: the functions whose only uses are calls. */
function leftOf(program) {
  const { otherNames } = countUses(program);
  const locals = localNames(program);
  const left = topFunctions(program).filter(({ name, node, owner }) => {
    const isFree = owner === null && !otherNames.has(name) && !locals.has(name);
    return isFree && !some(node, ({ type }) => type === "ThisExpression");
  });
  return new Map(left.map(({ name, node }) => [name, node]));
}

/** The text of the module, in which each call has the position of its function. */
function layOut(code, from, names) {
  const program = parseAst(code);
  const { functions, calls } = marksOf(program);
  const stays = statementsOf(program).filter((node) => !isMarked(node));
  // Longer positions have more digits, which moves the functions behind them. Repeat until no position changes.
  let places = new Map(names.map((name) => [name, "0,0"]));
  for (let before = ""; ;) {
    const write = ({ start, end }) => {
      let text = "";
      let at = start;
      for (const call of calls.filter((one) => one.start >= start && one.end <= end)) {
        text += `${code.slice(at, call.start)}$(${places.get(call.arguments[0].value)})`;
        at = call.end;
      }
      return text + code.slice(at, end);
    };
    let all = `const $txt=${from},$=${READER};${stays.map((node) => write(node).replace(/;$/, "")).join(";")}/*\n`;
    const next = new Map();
    for (const name of names) {
      const text = write(functions.get(name));
      next.set(name, `${all.length},${text.length}`);
      all += `${text}\n`;
    }
    all += "*/\n";
    if (all === before) return all;
    before = all;
    places = next;
  }
}

function marksOf(program) {
  const functions = new Map();
  const calls = [];
  walk(program, (node) => {
    if (node.type !== "CallExpression" || node.callee.name !== "$") return;
    const [name, body] = node.arguments;
    if (body === undefined) calls.push(node);
    else functions.set(name.value, body);
  });
  return { functions, calls };
}

function isMarked({ type, callee, arguments: given }) {
  return type === "CallExpression" && callee.name === "$" && given.length === 2;
}

/** The statements of a program. Expressions that esbuild has joined count as statements. */
function statementsOf(program) {
  return program.body.flatMap((statement) => {
    if (statement.type !== "ExpressionStatement") return [statement];
    const { expression } = statement;
    return expression.type === "SequenceExpression" ? expression.expressions : [expression];
  });
}
