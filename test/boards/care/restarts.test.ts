import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { RESET_REASONS, type Restart, RestartLog } from "../../../boards/care/restarts.js";
import { Watchdog } from "../../../boards/care/watchdog.js";
import { freshFolder } from "../../desktop/cli/node-process.js";
import { root } from "../manifest.js";
import { MemoryPreferences } from "./preferences.js";

const MINUTE_MS = 60000;

describe("boards/care: restart log", () => {
  it("an event has reason, version, the uptime if it is known, and no restart is one after sleep", () => {
    const preferences = new MemoryPreferences();
    const start = (...args: Parameters<RestartLog["started"]>): Restart | undefined => {
      return new RestartLog(preferences, "care").started(...args);
    };
    assert.deepEqual(start("power", "1.0", undefined), { reason: "power", version: "1.0" });
    assert.equal(start("sleep", "1.0", 12), undefined);
    assert.deepEqual(start("crash", "1.0", 7200), { reason: "crash", version: "1.0", uptime: 7200 });
  });

  it("the reason of the program counts for the next start only, and only if the board restarted by it", () => {
    const preferences = new MemoryPreferences();
    const start = (reason: "software" | "power"): string | undefined => {
      return new RestartLog(preferences, "care").started(reason, "1.0", 4000)?.reason;
    };
    new RestartLog(preferences, "care").restarting("offline");
    assert.deepEqual([start("software"), start("software")], ["offline", "software"]);
    new RestartLog(preferences, "care").restarting("update");
    assert.deepEqual([start("power"), start("software")], ["power", "software"]);
  });

  it("of a boot loop few restarts are events, all are counted, and the writes have a bound", () => {
    const preferences = new MemoryPreferences();
    const told: Restart[] = [];
    for (let i = 1; i <= 10000; i++) {
      const { writes } = preferences;
      const restart = new RestartLog(preferences, "care").started("crash", "1.0", 8);
      if (restart !== undefined) told.push(restart);
      assert.ok(preferences.writes - writes <= 3);
    }
    assert.equal(told.length, 4 + 11);
    assert.equal(told.reduce((sum, { times = 1 }) => sum + times, 0), 8192);
  });

  it("after a life of an hour each restart is an event again, by one write", () => {
    for (const isKnown of [true, false]) {
      const preferences = new MemoryPreferences();
      for (let i = 0; i < 9; i++) new RestartLog(preferences, "care").started("power", "1.0", undefined);
      const log = new RestartLog(preferences, "care");
      assert.equal(log.started("power", "1.0", undefined), undefined);
      if (!isKnown) {
        const { writes } = preferences;
        for (let s = 0; s < 7200; s += 60) log.lives(s);
        assert.equal(preferences.writes, writes + 1);
      }
      const next = new RestartLog(preferences, "care").started("power", "1.0", isKnown ? 3600 : undefined);
      assert.equal(next?.times, 3);
    }
  });

  it("chip.c numbers the reasons as restarts.ts does, and tells kept seconds from what memory holds by chance", () => {
    const folder = freshFolder();
    const source = join(folder, "main.c");
    writeFileSync(source, `#include <stdio.h>
#include "${join(root, "boards/care/chip.c")}"
int main(void) {
  printf("%d %d ", chisme_reset_reason(), chisme_kept_seconds());
  chisme_keep_seconds(90);
  printf("%d ", chisme_kept_seconds());
  kept[0]++;
  printf("%d %d %d %d", chisme_kept_seconds(), SOFTWARE, SLEEP, BROWNOUT);
}`);
    execFileSync("gcc", ["-std=c99", "-Wall", "-Wextra", "-Werror", "-o", join(folder, "main"), source]);
    const found = execFileSync(join(folder, "main"), { encoding: "utf8" });
    const numbers = ["software", "sleep", "brownout"].map((name) => RESET_REASONS.indexOf(name as never));
    assert.equal(found, `${RESET_REASONS.indexOf("power")} -1 90 -1 ${numbers.join(" ")}`);
  });
});

describe("boards/care: watchdog", () => {
  const preferences = new MemoryPreferences();
  let nowMs: number;
  let progress: number;
  let isOnline: boolean;
  let restarts: [string, number][];
  let watchdog: Watchdog;

  function boot(): void {
    watchdog = new Watchdog({
      preferences, domain: "care", progress: () => progress, isOnline: () => isOnline,
      restart: (why) => restarts.push([why, nowMs / MINUTE_MS]),
      standstillMs: 20 * MINUTE_MS, offlineMs: 15 * MINUTE_MS,
    });
  }

  /** @param each called each minute */
  function pass(minutes: number, each: () => void = () => undefined): void {
    for (let i = 0; i < minutes; i++) {
      each();
      watchdog.check(nowMs);
      nowMs += MINUTE_MS;
    }
  }

  beforeEach(() => {
    preferences.values.clear();
    preferences.writesLeft = Infinity;
    nowMs = 0;
    progress = 0;
    isOnline = true;
    restarts = [];
    boot();
  });

  it("a node whose rounds go on is left alone, also when the clock wraps", () => {
    nowMs = 0x100000000 - 60 * MINUTE_MS;
    for (let i = 0; i < 200; i++) {
      progress++;
      watchdog.check(nowMs >>> 0);
      nowMs += MINUTE_MS;
    }
    assert.deepEqual(restarts, []);
  });

  it("a node that stands still restarts, and one that was offline meanwhile has its time from then on", () => {
    pass(10, () => progress++);
    isOnline = false;
    pass(10);
    isOnline = true;
    pass(19);
    assert.deepEqual(restarts, []);
    pass(1);
    assert.deepEqual(restarts, [["rounds", 39]]);
  });

  it("restarts without a network are rarer and rarer: waits of 15 minutes to 16 hours", () => {
    isOnline = false;
    for (let life = 0; life < 9; life++) {
      const count = restarts.length;
      nowMs = 0;
      boot();
      while (restarts.length === count) pass(1);
    }
    assert.deepEqual(restarts.map(([, minutes]) => minutes), [15, 30, 60, 120, 240, 480, 960, 960, 960]);
    assert.ok(restarts.every(([why]) => why === "offline"));
  });

  it("once the node is well for 15 minutes the waits are as at first, by one write", () => {
    isOnline = false;
    pass(16);
    boot();
    isOnline = true;
    const { writes } = preferences;
    pass(100, () => progress++);
    assert.equal(preferences.writes, writes + 1);
    isOnline = false;
    const fromMinutes = nowMs / MINUTE_MS;
    pass(15);
    assert.equal(restarts.at(-1)?.[1], fromMinutes + 14);
  });

  it("preferences that fail or hold nonsense keep it from nothing", () => {
    preferences.set("care", "watchdog", -7);
    boot();
    preferences.writesLeft = 0;
    isOnline = false;
    pass(16);
    assert.deepEqual(restarts, [["offline", 15]]);
  });
});
