import assert from "node:assert/strict";
import path from "node:path";
import { ESLint, type Linter } from "eslint";
import ts from "typescript";
import tseslint from "typescript-eslint";
import {
  builtinOffences, determinismOffences, fractionOffences, innocentSource, stateOffences,
  syntaxOffences, typeOffences, type Offence,
} from "./language-rules-offences.js";

const root = path.resolve(import.meta.dirname, "..");

/** The offences that nothing was said about, and what was said instead. */
function unnamed(offences: readonly Offence[], said: readonly string[][], quote = ""): string[] {
  return offences.flatMap(({ name, source }, index) =>
    said[index].some((message) => message.includes(quote + name))
      ? []
      : [`${source} → ${said[index].join(" | ") || "nothing"}`]);
}

describe("language rules", () => {
  describe("ESLint", () => {
    const engineFile = "src/engine/offender.ts";
    // The rules that read types need files on disk; none of the language rules is one of them.
    const eslint = new ESLint({
      cwd: root,
      overrideConfig: [{ files: ["src/**/offender.ts"], ...tseslint.configs.disableTypeChecked }],
    });
    const languageRules = [
      "no-restricted-syntax", "no-restricted-globals", "no-restricted-properties",
    ];

    /** What was linted already, by path and source: some tests look at the same offences. */
    const linted = new Map<string, string[]>();

    async function lint(source: string, filePath: string): Promise<string[]> {
      const key = `${filePath}\n${source}`;
      const messages = linted.get(key) ?? await lintAnew(source, filePath);
      linted.set(key, messages);
      return messages;
    }

    async function lintAnew(source: string, filePath: string): Promise<string[]> {
      const [result] = await eslint.lintText(`${source}\n`, { filePath });
      const unparsed = result.messages.find((message) => message.fatal === true);
      assert.equal(unparsed?.message, undefined, `cannot parse: ${source}`);
      return result.messages
        .filter((message) => languageRules.includes(message.ruleId ?? ""))
        .map((message) => message.message);
    }

    async function lintAll(offences: readonly Offence[], filePath: string): Promise<string[][]> {
      const said: string[][] = [];
      for (const { source } of offences) said.push(await lint(source, filePath));
      return said;
    }

    const portableOffences = [
      ...syntaxOffences, ...builtinOffences, ...determinismOffences, ...stateOffences,
    ];
    const engineOffences = [...portableOffences, ...fractionOffences];
    const offencesByFile = [
      { filePath: engineFile, offences: engineOffences },
      // Stands for src/gossip.ts as well: the block covers all of src but src/platform.
      { filePath: "src/offender.ts", offences: portableOffences },
      { filePath: "src/views/offender.ts", offences: portableOffences },
      { filePath: "src/espgossip/offender.ts", offences: portableOffences },
      { filePath: "src/platform/espruino/offender.ts", offences: [...syntaxOffences, ...stateOffences] },
      { filePath: "src/platform/offender.ts", offences: stateOffences },
    ];

    for (const { filePath, offences } of offencesByFile) {
      it(`the rules refuse ${offences.length} offences in ${filePath}`, async () => {
        assert.deepEqual(unnamed(offences, await lintAll(offences, filePath)), []);
      });
    }

    it("the offences cover every entry of the rules", async () => {
      const said = new Set((await lintAll(engineOffences, engineFile)).flat());
      const { rules } = await eslint.calculateConfigForFile(engineFile) as Linter.Config;
      const entriesOf = (rule: string): { message: string; object?: string; property?: string }[] =>
        ((rules ?? {})[rule] as unknown[]).slice(1) as { message: string }[];

      const entries = [
        ...entriesOf("no-restricted-syntax"),
        ...entriesOf("no-restricted-globals"),
        // Static members are every one there is but a few: the offences are a choice of them.
        ...entriesOf("no-restricted-properties").filter(({ object }) => object === undefined),
      ];
      assert.ok(entries.length > 50);
      const silent = entries.filter(({ message, property = "" }) =>
        ![...said].some((text) => text.includes(message) && text.includes(property)));
      assert.deepEqual(silent, []);
    });

    it("the rules pass innocent code", async () => {
      assert.deepEqual(await lint(innocentSource, engineFile), []);
    });
  });

  describe("type checker", () => {
    const sources = new Map<string, string>();
    const fileNameOf = (index: number): string => path.join(root, `src/engine/offender-${index}.ts`);
    const innocentFile = path.join(root, "src/engine/innocent.ts");
    let program: ts.Program;

    before(() => {
      typeOffences.forEach(({ source }, index) => sources.set(fileNameOf(index), `${source}\nexport {};\n`));
      sources.set(innocentFile, innocentSource);

      const configHost: ts.ParseConfigFileHost = {
        ...ts.sys,
        getCurrentDirectory: () => root,
        onUnRecoverableConfigFileDiagnostic: (diagnostic) => assert.fail(textOf(diagnostic)),
      };
      const configFile = path.join(root, "tsconfig.engine.json");
      const config = ts.getParsedCommandLineOfConfigFile(configFile, {}, configHost);
      assert.ok(config);
      const declarations = config.fileNames.filter((file) => file.endsWith(".d.ts"));

      const disk = ts.createCompilerHost(config.options);
      const host: ts.CompilerHost = {
        ...disk,
        fileExists: (file) => sources.has(file) || disk.fileExists(file),
        readFile: (file) => sources.get(file) ?? disk.readFile(file),
        getSourceFile: (file, options, onError) => {
          const source = sources.get(file);
          if (source === undefined) return disk.getSourceFile(file, options, onError);
          return ts.createSourceFile(file, source, options);
        },
      };
      program = ts.createProgram([...declarations, ...sources.keys()], config.options, host);
    });

    function textOf(diagnostic: ts.Diagnostic): string {
      return ts.flattenDiagnosticMessageText(diagnostic.messageText, " ");
    }

    function diagnose(file: string): string[] {
      const sourceFile = program.getSourceFile(file);
      assert.ok(sourceFile);
      return [...program.getSyntacticDiagnostics(sourceFile), ...program.getSemanticDiagnostics(sourceFile)]
        .map(textOf);
    }

    it(`the type checker refuses ${typeOffences.length} offences in src/engine`, () => {
      const said = typeOffences.map((_, index) => diagnose(fileNameOf(index)));
      assert.deepEqual(unnamed(typeOffences, said, "'"), []);
    });

    it("the rules pass innocent code", () => {
      assert.deepEqual(diagnose(innocentFile), []);
    });

    it("the type checker has sound options and declarations", () => {
      const said = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()].map(textOf);
      assert.deepEqual(said, []);
    });
  });
});
