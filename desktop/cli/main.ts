#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { simulateCommand } from "../simulator/command.js";
import { keyCommand } from "./key.js";
import { nodeCommand } from "./node.js";

/** Where `package.json` lies from here, in the sources and in `dist`. */
function version(): string {
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), "utf8");
      return (JSON.parse(text) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return "unknown";
}

const program = new Command("chisme")
  .description("Gossip for small devices: every node knows what the others know, with no server.")
  .version(version())
  .showHelpAfterError("(--help lists what there is)")
  .addCommand(simulateCommand())
  .addCommand(nodeCommand())
  .addCommand(keyCommand());

await program.parseAsync();
