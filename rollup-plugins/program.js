import ts from "typescript";

/**
 * The names of properties and methods that may be shortened: declared in the
 * program's own sources, and neither exported by its entry nor part of an interface
 * to other code.
 *
 * @param entry path of the module whose exports keep their names
 * @param tsconfig path of the configuration to read it with
 */
export function internalNames(entry, tsconfig) {
  const program = programOf(entry, tsconfig);
  const checker = program.getTypeChecker();
  const declared = new Set();
  const kept = new Set();
  for (const file of program.getSourceFiles()) {
    if (!file.isDeclarationFile) collect(file, checker, declared, kept);
  }
  keepExports(program.getSourceFile(entry), checker, kept, new Set());
  return [...declared].filter((name) => !kept.has(name));
}

/**
 * New names for methods and fields, unique in the program: by file, the positions of
 * the old names and the new names. Unchanged are names that the entry exports,
 * overriding and overridden methods, methods that are called through an interface,
 * and members of several classes that one expression means, as of a union.
 *
 * @returns Map of file to an array of { start, end, name }, in the order of the file
 */
export function memberNames(entry, tsconfig) {
  const program = programOf(entry, tsconfig);
  const checker = program.getTypeChecker();
  const sources = program.getSourceFiles().filter((file) => !file.isDeclarationFile);
  const exported = new Set();
  keepExports(program.getSourceFile(entry), checker, new Set(), exported);
  const { classes, interfaces } = typesOf(sources, checker);
  const known = new Map();
  const literal = literalTypes(sources, checker);
  for (const [node, type] of interfaces) {
    // A class may match by accident an interface that is meant for an object literal.
    const fitting = [...classes].filter(([declaration, one]) => {
      return isImplementedBy(type, declaration, checker)
        || (!literal.has(type) && checker.isTypeAssignableTo(one, type));
    });
    known.set(node, fitting.map(([one]) => one));
  }
  /** The class of a method's declaration; undefined if a call may mean another method or comes from other code. */
  const ownerOf = (declaration) => {
    if (!owners.has(declaration)) owners.set(declaration, findOwner(declaration));
    return owners.get(declaration);
  };
  const owners = new Map();
  const shared = new Set();
  const findOwner = (declaration) => {
    const { parent } = declaration;
    if (exported.has(declaration) || shared.has(declaration)) return undefined;
    if (isSignature(declaration) && known.get(parent)?.length === 1) {
      const [only] = known.get(parent);
      const member = only.members.find(({ name }) => name?.getText() === declaration.name.text);
      return member !== undefined && isOwn(member) ? ownerOf(member) : undefined;
    }
    const type = classes.get(parent);
    const name = declaration.name?.text;
    if (!isOwn(declaration) || type === undefined) return undefined;
    if (isOverriding(declaration, type, classes)) return undefined;
    const isShared = [...known].some(([one, fitting]) => {
      const member = interfaces.get(one).getProperty(name);
      return member !== undefined && fitting.includes(parent)
        && (fitting.length > 1 || member.declarations.some((signature) => exported.has(signature)));
    });
    return isShared ? undefined : parent;
  };
  const accessed = accessedTogether(sources, checker);
  for (let before = -1; shared.size > before;) {
    before = shared.size;
    owners.clear();
    for (const declarations of accessed) {
      if (new Set(declarations.map(ownerOf)).size > 1) declarations.forEach((one) => shared.add(one));
    }
  }
  owners.clear();
  return new Map(sources.map((source) => [source.fileName, renamed(source, checker, ownerOf)]));
}

/** The declarations of each property that is accessed and has several. */
function accessedTogether(sources, checker) {
  const found = new Set();
  const visit = (node) => {
    const declarations = ts.isPropertyAccessExpression(node)
      ? checker.getSymbolAtLocation(node.name)?.declarations ?? [] : [];
    if (declarations.length > 1) found.add(declarations);
    ts.forEachChild(node, visit);
  };
  sources.forEach(visit);
  return found;
}

/** Whether a class says so. With other names of type parameters it is not assignable. */
function isImplementedBy({ symbol }, { heritageClauses = [] }, checker) {
  return heritageClauses.some(({ token, types }) => token === ts.SyntaxKind.ImplementsKeyword
    && types.some((one) => checker.getTypeAtLocation(one).symbol === symbol));
}

/** A method or field of a class. */
function isOwn(node) {
  return ts.isMethodDeclaration(node) || ts.isPropertyDeclaration(node);
}

/** A method or property of an interface. */
function isSignature(node) {
  return ts.isMethodSignature(node) || ts.isPropertySignature(node);
}

function typesOf(sources, checker) {
  const classes = new Map();
  const interfaces = new Map();
  const visit = (node) => {
    if (ts.isClassDeclaration(node)) classes.set(node, checker.getTypeAtLocation(node));
    else if (isInterface(node)) interfaces.set(node, checker.getTypeAtLocation(node));
    ts.forEachChild(node, visit);
  };
  sources.forEach(visit);
  return { classes, interfaces };
}

/** An unnamed type such as `{ rows: Rows }` is an interface, too: a class may be passed as one. */
function isInterface(node) {
  return ts.isInterfaceDeclaration(node) || ts.isTypeLiteralNode(node);
}

/** The types of object literals. */
function literalTypes(sources, checker) {
  const types = new Set();
  const visit = (node) => {
    const type = ts.isObjectLiteralExpression(node) ? checker.getContextualType(node) : undefined;
    if (type !== undefined) types.add(checker.getNonNullableType(type));
    ts.forEachChild(node, visit);
  };
  sources.forEach(visit);
  return types;
}

function isOverriding({ name, parent }, type, classes) {
  return [...classes].some(([node, other]) => {
    const isRelated = type.getBaseTypes()?.includes(other) || other.getBaseTypes()?.includes(type);
    return node !== parent && isRelated && other.getProperty(name.text) !== undefined
      && node.members.some((member) => member.name?.text === name.text);
  });
}

function renamed(source, checker, ownerOf) {
  const edits = [];
  const visit = (node) => {
    const parent = node.parent ?? node;
    const isMember = isOwn(parent) || isSignature(parent) || ts.isPropertyAccessExpression(parent);
    if (ts.isIdentifier(node) && isMember && parent.name === node) {
      const owners = new Set((checker.getSymbolAtLocation(node)?.declarations ?? []).map(ownerOf));
      const [owner] = owners;
      if (owners.size === 1 && owner !== undefined) {
        edits.push({ start: node.getStart(), end: node.getEnd(), name: `${node.text}$${owner.name.text}` });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return edits;
}

/** Programs by entry: two plugins look at each. */
const programs = new Map();

function programOf(entry, tsconfig) {
  const known = programs.get(entry);
  if (known !== undefined) return known;
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail };
  const config = ts.getParsedCommandLineOfConfigFile(tsconfig, {}, host);
  const declarations = config.fileNames.filter((file) => file.endsWith(".d.ts"));
  const program = ts.createProgram([entry, ...declarations], config.options);
  programs.set(entry, program);
  return program;
}

function fail({ file, messageText }) {
  throw new Error(`${file?.fileName ?? ""}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`);
}

/** Adds the names that a source declares, and those of other code: built-ins, firmware, anything untyped. */
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

/** Whether other code declares it: in a declaration file, or after `declare`. */
function isForeign(symbol) {
  const declarations = symbol?.declarations ?? [];
  return declarations.length === 0 || declarations.some(({ flags }) => flags & ts.NodeFlags.Ambient);
}

/** Whether the object literal is used where the type does not come from the program itself. */
function isExpectedByOthers(member, checker) {
  const type = checker.getContextualType(member.parent);
  if (type === undefined) return false;
  if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return true;
  const property = checker.getPropertyOfType(checker.getNonNullableType(type), member.name.text);
  return property !== undefined && isForeign(property);
}

/**
 * Adds all names that a user of the module can write, and their declarations: the
 * members of its types and of their types, except private ones.
 */
function keepExports(source, checker, kept, exports) {
  const seen = new Set();
  const keep = (type) => {
    if (seen.has(type) || isOpaque(type)) return;
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
      if (declarations.some((one) => ts.getJSDocTags(one).some(({ tagName }) => tagName.text === "internal"))) continue;
      kept.add(property.name);
      declarations.forEach((one) => exports.add(one));
      keep(checker.getTypeOfSymbol(property));
    }
  };
  for (const one of checker.getExportsOfModule(checker.getSymbolAtLocation(source))) {
    const symbol = one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one;
    if (symbol.flags & ts.SymbolFlags.Value) keep(checker.getTypeOfSymbol(symbol));
    if (symbol.flags & ts.SymbolFlags.Type) keep(checker.getDeclaredTypeOfSymbol(symbol));
  }
}

/** Created by one function of the module for another. */
const OPAQUE = new Set(["Dialect", "EventFeeds", "FeedParts", "Sealing"]);

/** Whether a type is only passed between the module's functions, so that its members are not exported. */
function isOpaque({ symbol, aliasSymbol }) {
  return OPAQUE.has((aliasSymbol ?? symbol)?.name);
}
