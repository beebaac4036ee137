#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { simulateCommand } from "../simulator/command.js";
import { firmwareCommand } from "./firmware.js";
import { keyCommand } from "./key.js";
import { nodeCommand } from "./node.js";
import { provisionCommand } from "./provision.js";

/** The version in `package.json`, whose path differs between the sources and `dist`. */
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
  .description("Gossip for small devices: every node learns the state of every other, without a server.")
  .version(version())
  .showHelpAfterError("(--help lists the commands)")
  .addCommand(simulateCommand())
  .addCommand(nodeCommand())
  .addCommand(keyCommand())
  .addCommand(provisionCommand())
  .addCommand(firmwareCommand());

await program.parseAsync();
