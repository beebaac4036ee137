import assert from "node:assert/strict";
import { CommandLines, commandErrorText } from "../../../desktop/cli/command-lines.js";
import type { Commands } from "../../../desktop/cli/commands.js";
import { NodeProcess, cleanUp, freshPort } from "./node-process.js";

describe("lines of commands", function () {
  this.timeout(300000);
  afterEach(cleanUp);

  it("a warning names the line of a pipe, not that of a terminal; empty lines and comments do nothing", () => {
    const commands = {
      run: () => {
        throw new Error("wrong");
      },
    } as unknown as Commands;
    const warnings = (source: string | undefined): string[] => {
      const found: string[] = [];
      const lines = new CommandLines(commands, source, (error) => found.push(commandErrorText(error)));
      for (const line of ["", "  ", "# a", "x"]) lines.add(line);
      return found;
    };
    assert.deepEqual(warnings("standard input"), ["line 4 of standard input: wrong"]);
    assert.deepEqual(warnings(undefined), ["wrong"]);
  });

  it("on a loopback address a node says that it sends no broadcasts, except to loopback addresses", async () => {
    const port = freshPort();
    const alone = await new NodeProcess("--listen", `127.0.0.2:${port}`).untilStarted();
    const broadcasting = new NodeProcess("--listen", `127.0.0.3:${port}`, "--broadcast", "127.255.255.255");
    await alone.until("the second line", () => alone.lines.length > 1);
    await broadcasting.until("the second line", () => broadcasting.lines.length > 1);
    assert.equal(alone.lines[1], "a round every 10 s, no seed: no broadcasts: waits for other nodes");
    assert.equal(broadcasting.lines[1], "a round every 10 s, no seed: finds other nodes by broadcast");
  });
});
