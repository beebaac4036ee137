import path from "node:path";
import ts from "typescript";

/**
 * The names of properties and methods that a program can be without: declared
 * in its own sources, and neither part of what its entry exports nor of an
 * interface to anything else.
 *
 * @param entry path of the module whose exports stay as they are
 * @param tsconfig path of the configuration to read it with
 */
export function internalNames(entry, tsconfig) {
  const program = programOf(entry, tsconfig, {});
  const checker = program.getTypeChecker();
  const declared = new Set();
  const kept = new Set();
  for (const file of program.getSourceFiles()) {
    if (!file.isDeclarationFile) collect(file, checker, declared, kept);
  }
  keepExports(program.getSourceFile(entry), checker, kept);
  return [...declared].filter((name) => !kept.has(name));
}

/**
 * The files of declarations of a module and all that it imports: name, from the
 * root of the project on, and text.
 *
 * @throws Error when the types are wrong
 */
export function declarationsOf(entry, tsconfig) {
  const rootDir = path.dirname(tsconfig);
  const options = { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir, outDir: rootDir };
  const program = programOf(entry, tsconfig, options);
  ts.getPreEmitDiagnostics(program).forEach(fail);
  const files = [];
  program.emit(undefined, (file, text) => files.push([path.relative(rootDir, file), text]), undefined, true);
  return files;
}

function programOf(entry, tsconfig, options) {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail };
  const config = ts.getParsedCommandLineOfConfigFile(tsconfig, options, host);
  const declarations = config.fileNames.filter((file) => file.endsWith(".d.ts"));
  return ts.createProgram([entry, ...declarations], config.options);
}

function fail({ file, messageText }) {
  throw new Error(`${file?.fileName ?? ""}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`);
}

/** Adds the names that a source declares, and those that belong to others: built-ins, firmware, anything untyped. */
function collect(source, checker, declared, kept) {
  const visit = (node) => {
    if (ts.isPropertyAccessExpression(node) && isForeign(checker.getSymbolAtLocation(node.name))) {
      kept.add(node.name.text);
    }
    if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) {
      kept.add(node.argumentExpression.text);
    }
    if (isMember(node) && ts.isIdentifier(node.name)) {
      declared.add(node.name.text);
      if (ts.isObjectLiteralExpression(node.parent) && isExpectedByOthers(node, checker)) kept.add(node.name.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}

function isMember(node) {
  return ts.isPropertyDeclaration(node) || ts.isPropertySignature(node) || ts.isMethodDeclaration(node)
    || ts.isMethodSignature(node) || ts.isGetAccessor(node) || ts.isSetAccessor(node)
    || ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node);
}

/** Declared by others: in a file of declarations, or after `declare`. */
function isForeign(symbol) {
  const declarations = symbol?.declarations ?? [];
  return declarations.length === 0 || declarations.some(({ flags }) => flags & ts.NodeFlags.Ambient);
}

/** Whether the object literal goes to a place whose type does not come from the program itself. */
function isExpectedByOthers(member, checker) {
  const type = checker.getContextualType(member.parent);
  if (type === undefined) return false;
  if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return true;
  const property = checker.getPropertyOfType(checker.getNonNullableType(type), member.name.text);
  return property !== undefined && isForeign(property);
}

/** Adds all names that a user of the module can write: members of its types, and of theirs, but for private ones. */
function keepExports(source, checker, kept) {
  const seen = new Set();
  const keep = (type) => {
    if (seen.has(type)) return;
    seen.add(type);
    if (type.isUnionOrIntersection()) type.types.forEach(keep);
    checker.getTypeArguments(type).forEach(keep);
    for (const signature of [...type.getCallSignatures(), ...type.getConstructSignatures()]) {
      signature.getParameters().forEach((parameter) => keep(checker.getTypeOfSymbol(parameter)));
      keep(signature.getReturnType());
    }
    for (const property of checker.getPropertiesOfType(type)) {
      const declarations = property.declarations ?? [];
      if (isForeign(property)) continue;
      if (declarations.some((one) => ts.getCombinedModifierFlags(one) & ts.ModifierFlags.Private)) continue;
      kept.add(property.name);
      keep(checker.getTypeOfSymbol(property));
    }
  };
  for (const exported of checker.getExportsOfModule(checker.getSymbolAtLocation(source))) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    if (symbol.flags & ts.SymbolFlags.Value) keep(checker.getTypeOfSymbol(symbol));
    if (symbol.flags & ts.SymbolFlags.Type) keep(checker.getDeclaredTypeOfSymbol(symbol));
  }
}
