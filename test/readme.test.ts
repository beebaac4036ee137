import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { Terminals } from "./docs/console.js";
import { codeBlock, codeBlocks, namesInTables, root, runExample, runnable, sourceOf } from "./docs/examples.js";

describe("README.md", function () {
  this.timeout(300000);
  let terminals: Terminals;

  beforeEach(() => { terminals = new Terminals(); });
  afterEach(() => terminals.stop());

  /** The lines that an example prints. */
  function run(heading: string): Promise<string[]> {
    const code = codeBlock("README.md", "js", heading);
    return runExample(runnable(code, (number) => terminals.port(number)), terminals.folder);
  }

  /** The commands of a block, without its comments. */
  function commands(heading: string, index = 0): string[] {
    const blocks = codeBlocks("README.md", "sh").filter((block) => block.heading === heading);
    return blocks[index].code.trimEnd().replaceAll("|\n", "| ").split("\n").map((line) => line.replace(/\s+# .*/, ""));
  }

  it("README.md has a program of three nodes that agree within a second", async () => {
    const lines = await run("Quickstart");
    for (const number of ["5001", "5002", "5003"]) {
      const own = lines.filter((line) => line.startsWith(`node ${terminals.port(number)}: `));
      assert.match(own[0] ?? "", /: (21\.5|18\.2|24\.9) to \1 °C$/);
      assert.equal(own.at(-1), `node ${terminals.port(number)}: 18.2 to 24.9 °C`);
    }
  });

  it("README.md has a program with events that prints what its comments say", async () => {
    const lines = await run("A node on Node.js");
    assert.equal(lines.length, 4);
    assert.match(lines[0], /^map: voucher 7 \{ paid: true \}/);
    assert.deepEqual(lines.slice(1), ["door: open", "{ paid: true }", "not seen"]);
  });

  it("README.md has a program of nodes with names that prints what its comments say", async () => {
    const lines = await run("Names");
    assert.deepEqual(lines, ["kitchen is up", "21.5"]);
  });

  it("README.md has commands that simulate a network", async () => {
    // The page of --watch runs until it is ended.
    const simulations = commands("Quickstart").filter((command) => !command.includes("--watch"));
    const help = simulations.pop() ?? "";
    assert.equal(simulations.length, 3);
    for (const command of [...simulations, ...commands("Replay a failure")]) {
      const terminal = await terminals.start(command);
      assert.match(terminal.lines.join("\n"), /^agreed/m, command);
    }
    const terminal = await terminals.start(help);
    for (const option of ["--nodes", "--loss", "--scenario"]) {
      assert.ok(terminal.lines.some((line) => line.trim().startsWith(option)), option);
    }
  });

  it("README.md has commands by which a revoked sensor tries in vain", async () => {
    await terminals.check(codeBlock("README.md", "console", "When a device is stolen"));
  });

  it("README.md has commands of two nodes that agree", async () => {
    const nodes = [];
    for (const command of commands("Quickstart", 1)) nodes.push(await terminals.start(`${command} --interval 500`));
    for (const node of nodes) {
      await node.until(() => node.lines.some((line) => /minimum 18\.2\s+maximum 21\.5\s+of 2 nodes/.test(line)));
    }
  });

  it("README.md has a command that publishes events, shows them and writes them to a file", async () => {
    const [command] = commands("A node on Node.js");
    const terminal = await terminals.start(`${command} --listen 127.0.0.1:5001 --seed 127.0.0.1:5002`);
    const printed = terminal.lines.join("\n");
    assert.match(printed, /^voucher 7 \{"paid":true\}$/m);
    assert.match(printed, /^\d+ 0 2$/m);
    const exported = readFileSync(path.join(terminals.folder, "events.jsonl"), "utf8").trimEnd().split("\n");
    const kinds = exported.map((line) => (JSON.parse(line) as { kind: string }).kind);
    assert.deepEqual(kinds, ["set", "log"]);
  });

  describe("tables", () => {
    let checker: ts.TypeChecker;
    let exported: (specifier: string, name: string) => ts.Symbol;

    before(() => { ({ checker, exported } = publicApi()); });

    /** The properties of what a function or a constructor takes first. */
    function optionsOf(signature: ts.Signature): string[] {
      const [options] = signature.getParameters();
      return checker.getNonNullableType(checker.getTypeOfSymbol(options)).getProperties().map(({ name }) => name);
    }

    function constructorOf(specifier: string): ts.Signature {
      return checker.getTypeOfSymbol(exported(specifier, "Gossip")).getConstructSignatures()[0];
    }

    it("the tables have all options of `Gossip` and of `eventFeeds`, and no others", () => {
      const [feeds] = checker.getTypeOfSymbol(exported("chisme/events", "eventFeeds")).getCallSignatures();
      const options = [
        ...optionsOf(constructorOf("chisme")), ...optionsOf(constructorOf("chisme-cli/node")), ...optionsOf(feeds),
      ];
      assert.deepEqual(unique(namesInTables("README.md", "Options")), unique(options));
    });

    it("the tables have all public members of `Gossip`, and no others", () => {
      const members = checker.getDeclaredTypeOfSymbol(exported("chisme-cli/node", "Gossip")).getProperties()
        .filter((member) => isPublic(member)).map(({ name }) => name);
      assert.deepEqual(unique(namesInTables("README.md", "Methods")), unique(members));
    });
  });
});

/** The types of both packages, from their sources. */
function publicApi(): { checker: ts.TypeChecker; exported: (specifier: string, name: string) => ts.Symbol } {
  const specifiers = ["chisme", "chisme/events", "chisme-cli/node"];
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined };
  const config = ts.getParsedCommandLineOfConfigFile(path.join(root, "tsconfig.json"), {}, host);
  assert.ok(config !== undefined);
  const files = new Map(specifiers.map((specifier) => [specifier, sourceOf(specifier)]));
  const program = ts.createProgram([...files.values()], config.options);
  const checker = program.getTypeChecker();
  return {
    checker,
    exported: (specifier, name) => {
      const source = program.getSourceFile(files.get(specifier) ?? "");
      const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
      const symbol = module === undefined ? undefined : checker.tryGetMemberInModuleExports(name, module);
      assert.ok(symbol !== undefined, `${specifier} exports no ${name}`);
      return (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol;
    },
  };
}

function isPublic(member: ts.Symbol): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  const isHidden = member.declarations?.some((one) => (ts.getCombinedModifierFlags(one) & hidden) !== 0) ?? false;
  const isInternal = member.getJsDocTags().some(({ name }) => name === "internal");
  // The name of a well-known symbol, such as that of `await using`, begins with __@.
  return !isHidden && !isInternal && !member.name.startsWith("__@");
}

function unique(names: string[]): string[] {
  return [...new Set(names)].sort();
}
