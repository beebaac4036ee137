// Tells how a 32-bit program is started. Some machines have a kernel that refuses such programs: "32-bit emulation" is
// switched off there. An emulator runs them then, 5 to 10 times slower, with the same numbers of steps and bytes.
import { spawnSync } from "node:child_process";
import { PackageMissing } from "./build.mjs";

export interface Command {
  /** The program, or the emulator that runs it. */
  file: string;
  /** What stands before the program's own arguments. */
  args: string[];
  isEmulated: boolean;
}

/**
 * Tries the program once by itself and, if it does not run, once in the emulator.
 *
 * @param program its path
 * @param status with which it ends when it gets no arguments
 * @param emulator that of the Debian package qemu-user, unless given
 * @throws PackageMissing when it runs in neither way
 */
export function commandFor(program: string, status: number, emulator = "qemu-i386"): Command {
  const alone = failureOf(program, [], status);
  if (alone === undefined) return { file: program, args: [], isEmulated: false };
  const emulated = failureOf(emulator, [program], status);
  if (emulated === undefined) return { file: emulator, args: [program], isEmulated: true };
  throw new PackageMissing(
    `32-bit programs do not run on this machine: install the package qemu-user (Debian, Ubuntu), which emulates them.\n`
    + `${program}: ${alone}\n${emulator}: ${emulated}`,
  );
}

/** Undefined when the program ran. A file that cannot be executed is run by the shell, and ends with another status. */
function failureOf(file: string, args: string[], expected: number): string | undefined {
  const { error, status, signal, stderr } = spawnSync(file, args, { encoding: "utf8" });
  if (error !== undefined) return error.message;
  return status === expected ? undefined : `${signal ?? `status ${status}`} ${stderr.trim()}`;
}
