import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { SimRandom } from "../../desktop/simulator/random.js";
import { freshPort } from "../desktop/cli/node-process.js";
import { type Chisme, EspruinoDevice } from "../espruino/device.js";
import { publishedBundles } from "../support/espruino-bundles.js";
import { LogDriver, contentOf, record, steps } from "../support/log-driver.js";

const LOCALHOST = 0x7f000001;

describe("the platform of Espruino", function () {
  this.timeout(300000);
  let code = "";
  let device: EspruinoDevice;
  let chisme: Chisme;

  before(async () => {
    code = (await publishedBundles("chisme-full", ["minified"])).minified;
  });

  beforeEach(() => {
    device = new EspruinoDevice(code);
    chisme = device.boot();
  });

  afterEach(() => device.halt());

  describe("its socket", () => {
    const fail = (error: Error) => {
      throw error;
    };

    it("the socket receives and sends datagrams as bytes", async () => {
      const [a, b] = [freshPort(), freshPort()];
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      const socket = chisme.espruinoPlatform().socket;
      const peer = createSocket("udp4").bind(b);
      const echoed = new Promise<[number[], number, number]>((resolve) => {
        socket.bind(a, (bytes, length, address, port) => {
          assert.equal(length, bytes.length);
          resolve([Array.from(bytes), address, port]);
        }, fail);
      });
      peer.on("message", (bytes, { port }) => peer.send(bytes, port, "127.0.0.1"));
      const timer = setInterval(() => socket.send(all, 255, LOCALHOST, b), 50);
      assert.deepEqual(await echoed, [Array.from(all.subarray(0, 255)), LOCALHOST, b]);
      clearInterval(timer);
      peer.close();
    });

    it("the socket is bound anew when an empty datagram has closed it", () => {
      const socket = chisme.espruinoPlatform().socket;
      socket.bind(freshPort(), () => undefined, fail);
      device.sockets[0].end();
      assert.equal(device.sockets.length, 2);
      assert.ok(device.sockets[1].isBound && !device.sockets[1].isClosed);
    });

    /** What is open, socket by socket, when the interpreter has been idle. */
    const areOpen = async (): Promise<boolean[]> => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return device.sockets.map(({ isBound, isClosed }) => isBound && !isClosed);
    };

    it("reopen binds the socket anew when its port is free, but not after close", async () => {
      const socket = chisme.espruinoPlatform().socket;
      socket.reopen();
      assert.equal(device.sockets.length, 0);
      socket.bind(freshPort(), () => undefined, fail);
      // What is queued does not hold the port.
      socket.send(new Uint8Array(1), 1, LOCALHOST, 9);
      socket.reopen();
      assert.equal(device.sockets.length, 1);
      assert.throws(() => socket.send(new Uint8Array(1), 1, LOCALHOST, 9), /not open/);
      socket.reopen();
      assert.deepEqual(await areOpen(), [false, true]);
      socket.send(new Uint8Array(1), 1, LOCALHOST, 9);
      socket.reopen();
      socket.close();
      socket.reopen();
      assert.deepEqual(await areOpen(), [false, false]);
    });

    it("the socket looks a host up; 0 says that there is none, or no Wi-Fi", () => {
      const socket = chisme.espruinoPlatform().socket;
      const found: number[] = [];
      device.wifi = { ip: "192.168.0.54" };
      for (const name of ["box.example", "nobody.example"]) socket.resolve!(name, (address) => found.push(address));
      device.wifi = undefined;
      socket.resolve!("box.example", (address) => found.push(address));
      assert.deepEqual(found, [0xc0a80037, 0, 0]);
    });

    it("a reopened socket receives at the same port", async () => {
      const [a, b] = [freshPort(), freshPort()];
      const socket = chisme.espruinoPlatform().socket;
      const peer = createSocket("udp4").bind(b);
      let received = 0;
      socket.bind(a, () => received++, fail);
      for (let times = 1; times <= 3; times++) {
        socket.reopen();
        const enough = received + 2;
        while (received < enough) {
          peer.send("x", a, "127.0.0.1");
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
      peer.close();
    });

    it("a bind that fails is repeated, ever less often, and reported once, as is its success", () => {
      const errors: string[] = [];
      const delays: number[] = [];
      let due: (() => void) | undefined;
      chisme = device.boot({}, {
        setTimeout: (callback: () => void, delayMs: number) => {
          due = callback;
          delays.push(delayMs);
          return delays.length;
        },
        clearTimeout: () => undefined,
      });
      const socket = chisme.espruinoPlatform().socket;
      device.isPortTaken = true;
      socket.bind(freshPort(), () => undefined, (error) => errors.push(error.message));
      assert.throws(() => socket.send(new Uint8Array(1), 1, LOCALHOST, 5000), /not open/);
      for (let times = 0; times < 6; times++) due?.();
      assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16000, 16000, 16000]);
      assert.deepEqual(errors, ["Unable to create socket"]);
      device.isPortTaken = false;
      due?.();
      assert.deepEqual(errors, ["Unable to create socket", "the socket is bound after failures"]);
      socket.send(new Uint8Array(1), 1, LOCALHOST, 9);
      assert.equal(delays.length, 7);
    });

    it("reopen does not wait for the next attempt", () => {
      const errors: string[] = [];
      const socket = chisme.espruinoPlatform().socket;
      device.isPortTaken = true;
      socket.bind(freshPort(), () => undefined, (error) => errors.push(error.message));
      device.isPortTaken = false;
      socket.reopen();
      assert.equal(errors.length, 2);
      socket.send(new Uint8Array(1), 1, LOCALHOST, 9);
    });

    it("a bind whose failure nothing handles is not repeated", async () => {
      device.isPortTaken = true;
      const socket = chisme.espruinoPlatform().socket;
      assert.throws(() => socket.bind(freshPort(), () => undefined, fail), /Unable to create socket/);
      device.isPortTaken = false;
      socket.reopen();
      assert.deepEqual(await areOpen(), [false]);
    });

    it("the queue takes a burst of the longest datagrams, and the rest is refused until it is empty", async () => {
      const socket = chisme.espruinoPlatform().socket;
      socket.bind(freshPort(), () => undefined, fail);
      const bytes = new Uint8Array(500);
      for (const address of [LOCALHOST, 0xffffffff]) {
        for (let round = 0; round < 3; round++) {
          for (let i = 0; i < 4; i++) socket.send(bytes, 500, address, 9);
          for (let i = 0; i < 3; i++) {
            assert.throws(() => socket.send(bytes, 1, address, 9), /the send queue is full/);
          }
          await areOpen();
        }
      }
      // Short ones take less of it.
      for (let i = 0; i < 10; i++) socket.send(bytes, 20, LOCALHOST, 9);
      assert.throws(() => {
        for (let i = 0; i < 100; i++) socket.send(bytes, 20, LOCALHOST, 9);
      }, /full/);
      assert.ok(device.sockets[0].dSnd.length <= 4 * 508);
    });

    it("the longest datagram to receive is checked", () => {
      for (const bytes of [528, 1000, 1472, undefined]) chisme.espruinoPlatform(bytes);
      for (const bytes of [0, 100, 527, 527.5, 1000.5, 1473, -1, NaN, Infinity, 2 ** 32 + 600, "600"]) {
        assert.throws(() => chisme.espruinoPlatform(bytes as number), (error: Error & { option?: string }) => {
          const shown = typeof bytes === "string" ? JSON.stringify(bytes) : String(bytes);
          assert.equal(error.message,
            `espruinoPlatform: receiveBytesMax: ${shown} is not an integer from 528 to 1472`);
          return error.option === "receiveBytesMax";
        });
      }
    });

    it("broadcasts leave from a second socket, which is not bound and is replaced when it was closed", async () => {
      const socket = chisme.espruinoPlatform().socket;
      socket.bind(freshPort(), () => undefined, fail);
      socket.send(new Uint8Array(8), 8, 0xffffffff, 5000);
      socket.send(new Uint8Array(8), 8, 0xc0a800ff, 5000);
      assert.deepEqual(device.sockets[1].sent, ["255.255.255.255:5000", "192.168.0.255:5000"]);
      assert.ok(!device.sockets[1].isBound);
      device.sockets[1].end();
      socket.send(new Uint8Array(8), 8, 0xffffffff, 5000);
      assert.deepEqual(device.sockets[2].sent, ["255.255.255.255:5000"]);
      assert.deepEqual(device.sockets[0].sent, []);
      socket.close();
      await areOpen();
      assert.ok(device.sockets.every(({ isClosed }) => isClosed));
    });

    it("the address comes from Wi-Fi, and the id from the MAC address or the serial number", () => {
      const socket = chisme.espruinoPlatform().socket;
      assert.equal(socket.ownAddress(), 0);
      assert.equal(socket.deviceId(5000), 0xaddeadde);
      assert.equal(socket.deviceId(5001), 0xaddfadde);
      device.wifi = { ip: "192.168.0.54", mac: "a4:cf:12:fe:dc:ba" };
      assert.equal(socket.ownAddress(), 0xc0a80036);
      assert.equal(socket.deviceId(5000), 0x12fedcba);
      device.wifi = { ip: "0.0.0.0" };
      assert.equal(socket.ownAddress(), 0);
    });
  });

  describe("its clock", () => {
    it("the clock counts passing time, and not by how much it is set", async () => {
      const clock = chisme.espruinoPlatform().clock;
      const startMs = clock.nowMs();
      for (const yearMs of [365, -365 * 30]) {
        device.clockSetMs += yearMs * 86400000;
        assert.ok(clock.nowMs() - startMs < 86400000);
      }
      await new Promise<void>((resolve) => clock.setTimer(resolve, 50));
      assert.ok(clock.nowMs() > startMs);
    });

    it("clearTimer cancels a timer", async () => {
      const clock = chisme.espruinoPlatform().clock;
      let calls = 0;
      clock.clearTimer(clock.setTimer(() => calls++, 1));
      await new Promise<void>((resolve) => clock.setTimer(resolve, 20));
      assert.equal(calls, 0);
    });
  });

  describe("its storage", () => {
    it("the storage keeps the revision over restarts, all of uint32", () => {
      assert.equal(chisme.flashStorage().readRevision(), undefined);
      for (const revision of [0, 1, 2, 0x80000000, 0xffffffff, 5]) {
        chisme.flashStorage().writeRevision(revision);
        assert.equal(device.boot().flashStorage().readRevision(), revision);
      }
    });

    it("the storage keeps the id and up to 10 peers over restarts, each in a file", () => {
      const bytes = Uint8Array.from({ length: 96 }, (_, i) => 0x31 + i * 3);
      const storage = chisme.flashStorage();
      assert.deepEqual([storage.readId?.(), storage.readPeers?.()], [undefined, undefined]);
      for (const [id, length] of [[0, 6], [0xffffffff, 96], [5, 12]]) {
        storage.writeId?.(id);
        storage.writePeers?.(bytes, length);
        const again = device.boot().flashStorage();
        assert.equal(again.readId?.(), id);
        assert.deepEqual([...again.readPeers?.() ?? []], [...bytes.subarray(0, Math.min(60, length))]);
      }
      assert.equal(storage.readRevision(), undefined);
      assert.deepEqual([...device.files.keys()].filter((file) => file.startsWith("chisme.")).sort(),
        ["chisme.id", "chisme.peers"]);
    });

    it("each name has its own storage", () => {
      chisme.flashStorage("one").writeRevision(4);
      chisme.flashStorage("two").writeRevision(9);
      assert.equal(chisme.flashStorage("one").readRevision(), 4);
    });

    it("the storage loses at most one start when power goes while a file is written", () => {
      for (let revision = 0; revision < 5; revision++) chisme.flashStorage().writeRevision(revision);
      const newest = [...device.files].find(([, text]) => text === "4");
      assert.ok(newest);
      for (const torn of [undefined, "\xff", "4\xff"]) {
        if (torn === undefined) device.files.delete(newest[0]);
        else device.files.set(newest[0], torn);
        assert.equal(device.boot().flashStorage().readRevision(), 3);
      }
    });
  });

  describe("its log", () => {
    const OPTIONS = { recordBytesMax: 200 };
    const KEPT_MAX = 3;

    it("the log keeps records over restarts, in files of 4,064 bytes", () => {
      const driver = new LogDriver(() => device.boot().flashLog("log", 3, OPTIONS), KEPT_MAX);
      for (const step of steps(new SimRandom(1, 1), 300, 200, KEPT_MAX)) driver.run([step]);
      driver.restart();
      assert.deepEqual([...device.files].filter(isOfLog).map(([file, { length }]) => [file, length]).sort(), [
        ["log0", 4064], ["log1", 4064], ["log2", 4064],
      ]);
    });

    it("the log goes with the storage for the revision", () => {
      const log = chisme.flashLog();
      assert.ok(log.append(record(1, 512), 512));
      assert.equal(chisme.flashStorage("chisme", log).log, log);
      assert.deepEqual([...device.files].filter(isOfLog).map(([file]) => file), ["chisme.log0"]);
    });

    it("the log loses nothing when power goes after any byte", () => {
      const all = steps(new SimRandom(2, 1), 30, 60, KEPT_MAX);
      for (let cut = 0; cut < 1500; cut += 3) {
        device.files.clear();
        let left = cut;
        device.tearWrite = (length) => {
          const kept = Math.min(left, length);
          left -= kept;
          return kept;
        };
        const driver = new LogDriver(() => chisme.flashLog("log", 3, OPTIONS), KEPT_MAX);
        let done = 0;
        try {
          for (; done < all.length; done++) driver.run([all[done]]);
        } catch (error) {
          assert.equal((error as Error).message, "no power");
          done++;
        }
        device.tearWrite = undefined;
        driver.restart();
        driver.run(all.slice(done));
        driver.restart();
      }
    });

    it("the log makes a file anew that was given up when power went", () => {
      const log = chisme.flashLog("log", 2, OPTIONS);
      for (let i = 0; i < 10; i++) log.append(record(i, 20), 20);
      log.rewrite((put) => put(record(5, 5), 5));
      device.files.delete("log0");
      const driver = new LogDriver(() => device.boot().flashLog("log", 2, OPTIONS), KEPT_MAX);
      driver.held = contentOf(chisme.flashLog("log", 2, OPTIONS));
      assert.equal(driver.held.length, 1);
      driver.run(steps(new SimRandom(3, 1), 100, 200, KEPT_MAX));
      driver.restart();
    });
  });
});

/** The module itself is a file, too. */
function isOfLog([file]: [string, unknown]): boolean {
  return file !== "chisme";
}
