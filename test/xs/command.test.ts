import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PackageMissing } from "./build.mjs";
import { commandFor } from "./command.js";

const STATUS = 64;

describe("how a 32-bit program is started", () => {
  const directory = mkdtempSync(join(tmpdir(), "chisme-command-"));
  const missing = join(directory, "missing");

  after(() => rmSync(directory, { recursive: true, force: true }));

  function executable(name: string, content: string): string {
    const path = join(directory, name);
    writeFileSync(path, content);
    chmodSync(path, 0o755);
    return path;
  }

  /** The beginning of a program for no machine: every kernel refuses it as some refuse 32 bits. */
  const refused = () => executable("refused", "\x7fELF\x01\x01\x01\0(\0\0\n");

  it("a program that the machine can run is started by itself", () => {
    const program = executable("program", `#!/bin/sh\nexit ${STATUS}\n`);
    assert.deepEqual(commandFor(program, STATUS, missing), { file: program, args: [], isEmulated: false });
  });

  it("a program that the kernel refuses is started in the emulator", () => {
    const program = refused();
    const emulator = executable("emulator", `#!/bin/sh\n[ "$#" = 1 ] && [ "$1" = "${program}" ] && exit ${STATUS}\n`);
    assert.deepEqual(commandFor(program, STATUS, emulator), { file: emulator, args: [program], isEmulated: true });
  });

  it("without an emulator the error names the package", () => {
    assert.throws(() => commandFor(refused(), STATUS, missing), (error: unknown) => {
      assert.ok(error instanceof PackageMissing);
      assert.match(error.message, /^32-bit programs do not run on this machine: install the package qemu-user/);
      assert.match(error.message, /missing: spawnSync .* ENOENT/);
      return true;
    });
  });

  it("the error tells why the program runs neither by itself nor in the emulator", () => {
    const emulator = executable("broken", "#!/bin/sh\necho no libraries >&2\nexit 1\n");
    const program = executable("crash", "#!/bin/sh\nkill -SEGV $$\n");
    assert.throws(() => commandFor(program, STATUS, emulator), /crash: SIGSEGV[^]*broken: status 1 no libraries/);
  });
});
