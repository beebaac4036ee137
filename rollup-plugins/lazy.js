import { transform } from "esbuild";
import { parseAst } from "rollup/parseAst";
import { countUses, localNames, render, some, topFunctions, walk } from "./estree.js";

/**
 * What reads a function: `$(at, length)`. Names of this length are none that
 * esbuild makes up. A function that `eval` makes here keeps the variables of `$`
 * alive, eight of Espruino's; so it gets the scope of `$` itself, the module's,
 * under the name that Espruino keeps it by. Elsewhere that is a property like any.
 */
const READER = "($at,$len)=>{const $fn=eval($txt.substr($at,$len));$fn[\"\\xffsco\"]=$[\"\\xffsco\"];return $fn}";

/**
 * Leaves functions in flash until they are called. What `require` runs is the
 * classes that are exported and what is used in other ways than by a call; all
 * other functions stand behind that in a comment, and their calls read them from
 * the module's own text. So a function takes variables only while it runs, and
 * more time.
 *
 * @param from expression for the text of the module
 * @param options of esbuild, to minify with
 */
export async function leaveInFlash(code, from, options) {
  const { text, names } = takeOut(code);
  const { code: short } = await transform(text, options);
  return layOut(short.trim(), from, names);
}

/** Makes `$(name, function)` of a function, and `$(name)(…)` of its calls, to be found when that is minified. */
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

/** By name: the functions that are only called. */
function leftOf(program) {
  const { otherNames } = countUses(program);
  const locals = localNames(program);
  const left = topFunctions(program).filter(({ name, node, owner }) => {
    const isFree = owner === null && !otherNames.has(name) && !locals.has(name);
    return isFree && !some(node, ({ type }) => type === "ThisExpression");
  });
  return new Map(left.map(({ name, node }) => [name, node]));
}

/** The text of the module: each call tells where its function stands. */
function layOut(code, from, names) {
  const program = parseAst(code);
  const { functions, calls } = marksOf(program);
  const stays = statementsOf(program).filter((node) => !isMarked(node));
  // Where a function stands has more digits the later that is, which moves those behind it; so until all stand still.
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

/** The statements of a program, and the expressions of those that esbuild has joined. */
function statementsOf(program) {
  return program.body.flatMap((statement) => {
    if (statement.type !== "ExpressionStatement") return [statement];
    const { expression } = statement;
    return expression.type === "SequenceExpression" ? expression.expressions : [expression];
  });
}
