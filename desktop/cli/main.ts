#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { type Argument, Command } from "commander";
import { simulateCommand } from "../simulator/command.js";
import { admitCommands } from "./admit.js";
import { askCommands } from "./ask.js";
import { firmwareCommand } from "./firmware.js";
import { gatewayCommand } from "./gateway.js";
import { identityCommand } from "./identity.js";
import { keyCommand } from "./key.js";
import { nodeCommand } from "./node.js";
import { runLive } from "./live.js";
import { rekeyCommand } from "./rekey.js";
import { recordCommand } from "./record.js";
import { replayCommand } from "./replay.js";
import { provisionCommand } from "./provision.js";
import { queryDbCommand } from "./query-db.js";

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

function argumentTerm(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? "..." : "");
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** Of the help where it is no terminal that shows it. */
const HELP_COLUMNS = 80;

const program = new Command("chisme")
  .description("Gossip for small devices: every node learns the state of every other, without a server.")
  .version(version())
  // Without "[options]", which each has: descriptions need the room.
  .configureHelp({ subcommandTerm: (command) =>
    [command.name(), ...command.registeredArguments.map(argumentTerm)].join(" ") })
  .showHelpAfterError("(--help lists the commands)")
  .addCommand(simulateCommand(runLive))
  .addCommand(nodeCommand())
  .addCommand(gatewayCommand())
  .addCommand(queryDbCommand())
  .addCommand(keyCommand())
  .addCommand(identityCommand())
  .addCommand(provisionCommand())
  .addCommand(firmwareCommand())
  .commandsGroup("Look into a running node, and change it:");
for (const command of [...askCommands(), ...admitCommands(), rekeyCommand(), recordCommand()]) {
  program.addCommand(command);
}
program.commandsGroup("Look at what was recorded:").addCommand(replayCommand());

const { stdout } = process;
for (const command of [program, ...program.commands]) {
  command.configureOutput({ getOutHelpWidth: () => stdout.isTTY ? stdout.columns : HELP_COLUMNS });
}

await program.parseAsync();
