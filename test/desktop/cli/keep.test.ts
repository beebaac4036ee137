import assert from "node:assert/strict";
import { join } from "node:path";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "./node-process.js";

const KEEPER = "127.0.0.2";
const AUTHOR = "127.0.0.3";
const NEW = "127.0.0.4";

describe("chisme node --keep", function () {
  this.timeout(180000);
  afterEach(cleanUp);

  const port = freshPort();

  function node(address: string, ...more: string[]): NodeProcess {
    const seed = address === KEEPER ? AUTHOR : KEEPER;
    return new NodeProcess(
      "--json", "--listen", `${address}:${port}`, "--seed", `${seed}:${port}`, "--interval", "1000", ...more,
    );
  }

  async function untilViewed(process: NodeProcess, what: string, condition: (view: string) => boolean): Promise<void> {
    for (;;) {
      const asked = process.events.length;
      process.write("view\n");
      await process.until(what, () => process.events.slice(asked).some(({ event }) => event === "view"));
      const last = process.events.findLast((event) => event.event === "view");
      if (condition(JSON.stringify(last?.view))) return;
      await new Promise((resolve) => { setTimeout(resolve, 300); });
    }
  }

  const isWhole = (view: string): boolean => /"42":"used"/.test(view) && /"43":"free"/.test(view) && !/"44"/.test(view);

  it("a keeper that was killed gives the values of an author that is gone to a new node", async () => {
    const storage = ["--keep", "--storage", join(freshFolder(), "keeper")];
    const keeper = await node(KEEPER, ...storage).untilStarted();
    const author = await node(AUTHOR).untilStarted();
    author.write("set voucher 42 free\nset voucher 43 free\nset voucher 44 free\n");
    author.write("set voucher 42 used\nremove voucher 44\n");
    await untilViewed(keeper, "the keeper answers", isWhole);
    // What is new is stored at once, then after a second at most.
    await new Promise((resolve) => { setTimeout(resolve, 2000); });
    await Promise.all([author.kill(), keeper.kill()]);
    const again = await node(KEEPER, ...storage).untilStarted();
    await untilViewed(again, "the keeper answers after its restart", isWhole);
    const fresh = await node(NEW).untilStarted();
    await untilViewed(fresh, "the new node answers", isWhole);
    assert.equal(again.stderr + fresh.stderr, "");
    assert.deepEqual([...again.events, ...fresh.events].filter(({ event }) => event === "error"), []);
  });

  it("the option needs a folder, and room for events", async () => {
    const without = node(KEEPER, "--keep");
    assert.deepEqual(await without.exited, { status: 1, signal: null });
    assert.match(without.stderr, /^error: --keep: needs a folder, --storage\n/);
    const noRoom = node(KEEPER, "--keep", "--storage", freshFolder(), "--feed-bytes", "0");
    assert.deepEqual(await noRoom.exited, { status: 1, signal: null });
    assert.match(noRoom.stderr, /^error: --keep: needs room for events, --feed-bytes\n/);
  });
});
