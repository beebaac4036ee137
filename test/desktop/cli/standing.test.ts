import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { main } from "../../support/command-line.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "./node-process.js";

describe("a node of a network with an owner", function () {
  this.timeout(120000);
  afterEach(cleanUp);

  it("says that it is not admitted, that it is, and that it is revoked", async () => {
    const folder = freshFolder();
    const port = freshPort();
    const ownerFile = join(folder, "owner.key");
    const chisme = (...args: string[]): string => execFileSync(process.execPath, [main, ...args], {
      encoding: "utf8", stdio: ["ignore", "pipe", "ignore"],
    }).trimEnd();
    const storage = (name: string): string[] => ["--storage", join(folder, name)];
    const exported = (name: string): string[] => chisme("identity", "export", ...storage(name)).split(" ");
    const byOwner = ["--owner", ownerFile, ...storage("hall")];
    chisme("identity", "new", "--owner", ownerFile);
    for (const name of ["hall", "garden"]) chisme("identity", "new", ...storage(name));
    const owner = /public key +(\w+)/.exec(chisme("identity", "show", "--owner", ownerFile))?.[1] ?? assert.fail();
    const start = (name: string, ...more: string[]): Promise<NodeProcess> => new NodeProcess("--broadcast", "none",
      "--interval", "200", "--signed", "--owner", owner, ...storage(name), ...more).untilStarted();
    const hall = await start("hall", "--listen", `127.0.0.1:${port}`);
    const garden = await start("garden", "--listen", `127.0.0.1:${freshPort()}`, "--seed", `127.0.0.1:${port}`);
    const says = (node: NodeProcess, text: string): Promise<void> => node.until(text, () => node.stderr.includes(text));
    await says(hall, "warning: the owner has not admitted this device: nobody takes the events that it publishes");
    for (const name of ["hall", "garden"]) chisme("admit", ...exported(name), ...byOwner);
    await says(hall, "the owner has admitted this device");
    await says(garden, "the owner has admitted this device");
    chisme("revoke", exported("garden")[0], ...byOwner);
    await says(garden, "the owner revoked this device: nobody takes the events that it publishes from then on");
  });
});
