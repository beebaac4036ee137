import { readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { root } from "./manifest.js";

/** Parses a file of the project, named from its root on. */
export function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(path.join(root, file), "utf8"), ts.ScriptTarget.Latest, true);
}

/** The specifiers that a file imports values from. Types are gone when it runs. */
export function importsOf(source: ts.SourceFile): string[] {
  const specifiers: string[] = [];
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
    const specifier = statement.moduleSpecifier;
    if (specifier === undefined || !ts.isStringLiteral(specifier) || isTypeOnly(statement)) continue;
    specifiers.push(specifier.text);
  }
  return specifiers;
}

function isTypeOnly(statement: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(statement)) {
    const clause = statement.exportClause;
    return statement.isTypeOnly || (clause !== undefined && ts.isNamedExports(clause)
      && clause.elements.every((element) => element.isTypeOnly));
  }
  const clause = statement.importClause;
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = clause.namedBindings;
  return clause.name === undefined && bindings !== undefined && ts.isNamedImports(bindings)
    && bindings.elements.every((element) => element.isTypeOnly);
}

/** A specifier as it resolves at run time, where `./x.js` in `chisme/engine/y` is `chisme/engine/x`. */
export function resolve(specifier: string, importer: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return path.posix.join(path.posix.dirname(importer), specifier).replace(/\.js$/, "");
}

/** The files that a file of `src` needs at run time, itself among them, from the root of the project on. */
export function closure(files: string[]): Set<string> {
  const reached = new Set<string>();
  const queue = [...files];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    for (const specifier of importsOf(parse(file))) {
      if (specifier.startsWith(".")) queue.push(`${resolve(specifier, file)}.ts`);
    }
  }
  return reached;
}

/**
 * What a file does at module level but declare functions, classes and
 * constants of primitive type. In a module that is preloaded anything else runs
 * at build time, and what it makes takes RAM as soon as it is changed.
 */
export function stateOf(source: ts.SourceFile): string[] {
  const state: string[] = [];
  for (const statement of source.statements) {
    if (ts.isVariableStatement(statement)) {
      const isConst = (statement.declarationList.flags & ts.NodeFlags.Const) !== 0;
      for (const { name, initializer } of statement.declarationList.declarations) {
        if (!isConst || initializer === undefined || !isPrimitive(initializer)) state.push(name.getText());
      }
    } else if (ts.isClassDeclaration(statement)) {
      for (const member of statement.members) {
        if (isStaticState(member)) state.push(`${statement.name?.text ?? ""}.${member.name?.getText() ?? "static"}`);
      }
    } else if (!isDeclaration(statement)) {
      state.push(statement.getText().split("\n")[0]);
    }
  }
  return state;
}

function isStaticState(member: ts.ClassElement): boolean {
  if (ts.isClassStaticBlockDeclaration(member)) return true;
  if (!ts.isPropertyDeclaration(member)) return false;
  const isStatic = (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static) !== 0;
  return isStatic && (member.initializer === undefined || !isPrimitive(member.initializer));
}

function isDeclaration(statement: ts.Statement): boolean {
  return ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement) || ts.isFunctionDeclaration(statement)
    || ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement) || isAmbient(statement);
}

/** `declare …`, of which nothing is left at run time. */
function isAmbient(statement: ts.Statement): boolean {
  return ts.canHaveModifiers(statement)
    && (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword);
}

function isPrimitive(expression: ts.Expression): boolean {
  if (ts.isBinaryExpression(expression)) return isPrimitive(expression.left) && isPrimitive(expression.right);
  if (ts.isPrefixUnaryExpression(expression)) return isPrimitive(expression.operand);
  if (ts.isParenthesizedExpression(expression)) return isPrimitive(expression.expression);
  // A name is that of a constant, which is seen where it is declared.
  return ts.isLiteralExpression(expression) && !ts.isRegularExpressionLiteral(expression)
    || ts.isIdentifier(expression)
    || expression.kind === ts.SyntaxKind.TrueKeyword || expression.kind === ts.SyntaxKind.FalseKeyword;
}

/** The names that a file exports. */
export function exportsOf(source: ts.SourceFile): string[] {
  return source.statements
    .filter((statement) => ts.isFunctionDeclaration(statement))
    .filter((statement) => (ts.getCombinedModifierFlags(statement) & ts.ModifierFlags.Export) !== 0)
    .map((statement) => statement.name?.text ?? "default");
}

/** The types of the parameters of a file's exported functions, function by function. */
export function parametersOf(source: ts.SourceFile): string[][] {
  return source.statements
    .filter((statement) => ts.isFunctionDeclaration(statement))
    .filter((statement) => (ts.getCombinedModifierFlags(statement) & ts.ModifierFlags.Export) !== 0)
    .map(({ parameters }) => parameters.map(({ type }) => type?.getText() ?? ""));
}
