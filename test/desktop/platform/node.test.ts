import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gossip, type GossipSocket } from "../../../src/gossip.js";
import { FileStorage, MemoryStorage, NodeSocket, nodeClock, nodePlatform } from "../../../desktop/platform/node.js";
import { likelyAddress, places } from "../../../desktop/platform/interfaces.js";
import { freshPort } from "../cli/node-process.js";

const LOCALHOST = 0x7f000001;
const LOOPBACK_2 = 0x7f000002;
const LOOPBACK_3 = 0x7f000003;
const LOOPBACK_BROADCAST = 0x7fffffff;

interface Received {
  text: string;
  address: number;
  port: number;
}

describe("the platform of Node.js", () => {
  describe("NodeSocket", () => {
    const open: GossipSocket[] = [];
    afterEach(() => open.splice(0).forEach((socket) => socket.close()));

    /** Opens a socket; the function waits for the next datagram. */
    function listen(socket: NodeSocket, port: number): () => Promise<Received> {
      const waiting: ((received: Received) => void)[] = [];
      const arrived: Received[] = [];
      socket.bind(port, (bytes, length, address, from) => {
        const received = { text: Buffer.from(bytes.subarray(0, length)).toString(), address, port: from };
        const next = waiting.shift();
        if (next === undefined) arrived.push(received);
        else next(received);
      }, (error) => {
        throw error;
      });
      open.push(socket);
      return () => new Promise((resolve) => {
        const received = arrived.shift();
        if (received === undefined) waiting.push(resolve);
        else resolve(received);
      });
    }

    /** Repeats what may be lost or come before the other socket is bound, until something arrives. */
    async function sendUntil(arrival: Promise<Received>, send: () => void): Promise<Received> {
      send();
      const timer = setInterval(send, 50);
      try {
        return await arrival;
      } finally {
        clearInterval(timer);
      }
    }

    const bytes = new TextEncoder().encode("gossip and more");

    it("the socket sends the first bytes of a buffer and receives them with their sender", async () => {
      const port = freshPort();
      const [two, three] = [new NodeSocket("127.0.0.2"), new NodeSocket("127.0.0.3")];
      const [atTwo, atThree] = [listen(two, port), listen(three, port)];
      const first = await sendUntil(atThree(), () => two.send(bytes, 6, LOOPBACK_3, port));
      assert.deepEqual(first, { text: "gossip", address: LOOPBACK_2, port });
      const second = await sendUntil(atTwo(), () => three.send(bytes, bytes.length, LOOPBACK_2, port));
      assert.deepEqual(second, { text: "gossip and more", address: LOOPBACK_3, port });
    });

    it("the socket has copied the bytes when send returns", async () => {
      const port = freshPort();
      const receive = listen(new NodeSocket("127.0.0.2"), port);
      const sender = new NodeSocket("127.0.0.3");
      listen(sender, port);
      const received = await sendUntil(receive(), () => {
        const reused = new TextEncoder().encode("before");
        sender.send(reused, 6, LOOPBACK_2, port);
        reused.fill(0);
      });
      assert.equal(received.text, "before");
    });

    it("the socket broadcasts, and receives broadcasts on all interfaces", async () => {
      const [port, otherPort] = [freshPort(), freshPort()];
      const receive = listen(new NodeSocket(), port);
      const sender = new NodeSocket("127.0.0.2");
      listen(sender, otherPort);
      const received = await sendUntil(receive(), () => sender.send(bytes, 6, LOOPBACK_BROADCAST, port));
      assert.deepEqual(received, { text: "gossip", address: LOOPBACK_2, port: otherPort });
    });

    it("bind throws the system's error for a port that is in use, and works once the port is free", async () => {
      const port = freshPort();
      const taken = createSocket("udp4").bind(port, "127.0.0.2");
      await once(taken, "listening");
      const socket = new NodeSocket("127.0.0.2");
      assert.throws(() => socket.bind(port, () => assert.fail(), () => assert.fail()), { code: "EADDRINUSE" });
      assert.throws(() => socket.send(bytes, 6, LOOPBACK_3, port), /the socket is not open/);
      taken.close();
      await once(taken, "close");
      const receive = listen(socket, port);
      const received = await sendUntil(receive(), () => socket.send(bytes, 6, LOOPBACK_2, port));
      assert.equal(received.text, "gossip");
    });

    it("a later send throws the system's error about a datagram, once", async () => {
      const port = freshPort();
      const socket = new NodeSocket("127.0.0.2");
      const receive = listen(socket, port);
      await sendUntil(receive(), () => socket.send(bytes, 6, LOOPBACK_2, port));
      const tooLong = new Uint8Array(70000);
      socket.send(tooLong, tooLong.length, LOOPBACK_2, port);
      // The system has answered by then.
      await new Promise((resolve) => setImmediate(resolve));
      assert.throws(() => socket.send(bytes, 6, LOOPBACK_2, port), /EMSGSIZE/);
      socket.send(bytes, 6, LOOPBACK_2, port);
    });

    it("the socket refuses to listen on anything but an IPv4 address", () => {
      assert.throws(() => new NodeSocket("localhost"), /listen: "localhost" is not an IPv4 address/);
      assert.throws(() => nodePlatform("::1"), /listen: "::1" is not an IPv4 address; IPv6 is not supported/);
    });

    it("the socket knows its address", () => {
      const expected = likelyAddress(places());
      assert.equal(new NodeSocket("127.0.0.2").ownAddress(), LOOPBACK_2);
      assert.equal(new NodeSocket("240.0.0.1").ownAddress(), 0xf0000001);
      assert.equal(new NodeSocket().ownAddress(), expected);
      assert.equal(new NodeSocket("0.0.0.0").ownAddress(), expected);
    });

    it("the socket draws another id each time, whatever its address", () => {
      const socket = new NodeSocket("127.0.0.2");
      const ids = Array.from({ length: 100 }, () => socket.deviceId());
      assert.ok(new Set(ids).size >= 99, String(ids));
      assert.ok(ids.every((id) => id >>> 0 === id));
      assert.ok(ids.some((id) => id > 0x7fffffff) && ids.some((id) => id < 0x80000000));
    });
  });

  describe("two nodes with neither seeds nor an address in common", () => {
    /**
     * Sends broadcasts to the other node's port. On one computer two sockets can't
     * have one port and both hear broadcasts.
     */
    class Neighbour extends NodeSocket {
      private readonly neighbourPort: number;

      constructor(neighbourPort: number, listen?: string) {
        super(listen);
        this.neighbourPort = neighbourPort;
      }

      override send(bytes: Uint8Array, length: number, address: number, port: number): void {
        super.send(bytes, length, address, address === LOOPBACK_BROADCAST ? this.neighbourPort : port);
      }
    }

    it("the nodes find each other by broadcast", async () => {
      const [port, otherPort] = [freshPort(), freshPort()];
      const gossips: Gossip[] = [];
      const met = [new Neighbour(otherPort), new Neighbour(port, "127.0.0.2")].map((socket, index) => {
        return new Promise<number>((resolve) => {
          const gossip = new Gossip({
            ...nodePlatform(),
            socket,
            id: index + 1,
            port: index === 0 ? port : otherPort,
            roundIntervalMs: 100,
            broadcastAddress: "127.255.255.255",
            onUpdate: ([row]) => resolve(row.id),
          });
          gossips.push(gossip);
          gossip.start();
        });
      });
      try {
        assert.deepEqual(await Promise.all(met), [2, 1]);
      } finally {
        for (const gossip of gossips) gossip.close();
      }
    });
  });

  describe("FileStorage", () => {
    let folder: string;
    const open: FileStorage[] = [];
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "chisme-test-"));
    });
    afterEach(() => {
      open.splice(0).forEach((storage) => storage.close());
      rmSync(folder, { recursive: true, force: true });
    });

    function storageOf(path: string): FileStorage {
      const storage = new FileStorage(path);
      open.push(storage);
      return storage;
    }

    it("the storage has no revision at first and makes the folders it needs", () => {
      const deep = join(folder, "a", "b");
      assert.equal(storageOf(deep).readRevision(), undefined);
      assert.deepEqual(readdirSync(deep), ["lock", "lock.pid"]);
    });

    for (const revision of [0, 1, 0xffffffff]) {
      it(`the storage keeps revision ${revision}`, () => {
        const storage = storageOf(folder);
        storage.writeRevision(revision);
        storage.close();
        assert.equal(storageOf(folder).readRevision(), revision);
        assert.equal(readFileSync(join(folder, "revision"), "utf8"), `${revision}\n`);
      });
    }

    it("the storage leaves only its revision and the lock's file, and ignores half a file of a crash", () => {
      writeFileSync(join(folder, "revision.new"), "12");
      const storage = storageOf(folder);
      assert.equal(storage.readRevision(), undefined);
      for (let revision = 0; revision < 5; revision++) storage.writeRevision(revision);
      assert.equal(storage.readRevision(), 4);
      storage.close();
      assert.deepEqual(readdirSync(folder), ["lock", "revision"]);
    });

    for (const text of ["", "\n", "12", "-1\n", "1.5\n", "1e3\n", "4294967296\n", " 1\n", "1\n2\n", "x\n"]) {
      it(`the storage reads no revision out of ${JSON.stringify(text)}`, () => {
        writeFileSync(join(folder, "revision"), text);
        assert.throws(() => storageOf(folder).readRevision(),
          new Error(`${join(folder, "revision")} does not hold a revision from 0 to 4294967295`));
      });
    }

    it("the storage keeps an id, which is read without the lock and written with it", () => {
      const storage = storageOf(folder);
      assert.equal(storage.readId(), undefined);
      assert.deepEqual(readdirSync(folder), []);
      for (const id of [0, 7, 0xffffffff]) {
        storage.writeId(id);
        assert.equal(readFileSync(join(folder, "id"), "utf8"), `${id}\n`);
        const other = storageOf(folder);
        assert.equal(other.readId(), id);
        assert.throws(() => other.writeId(1), /is in use by/);
      }
      writeFileSync(join(folder, "id"), "x");
      const message = `${join(folder, "id")} does not hold an id from 0 to 4294967295`;
      assert.throws(() => storage.readId(), new Error(message));
    });

    it("the storage keeps peers as lines, and ignores other lines", () => {
      const storage = storageOf(folder);
      assert.equal(storage.readPeers(), undefined);
      const peers = Uint8Array.from([192, 168, 0, 54, 19, 136, 10, 0, 0, 1, 0, 80, 99]);
      storage.writePeers(peers.subarray(0), 12);
      assert.equal(readFileSync(join(folder, "peers"), "utf8"), "192.168.0.54:5000\n10.0.0.1:80\n");
      assert.deepEqual([...storageOf(folder).readPeers()!], [...peers.subarray(0, 12)]);
      assert.throws(() => storageOf(folder).writePeers(peers, 6), /is in use by/);
      storage.writePeers(peers, 0);
      assert.equal(storage.readPeers()?.length, 0);
      writeFileSync(join(folder, "peers"), "\n1.2.3\n1.2.3.4:99999\n256.1.1.1:5\n1.2.3.4:5\r\n1.2.3.4:5\n1.2.3.4:");
      assert.deepEqual([...storage.readPeers()!], [1, 2, 3, 4, 0, 5]);
    });

    it("a node that can't read its revision does not start", () => {
      writeFileSync(join(folder, "revision"), "?");
      const socket = new NodeSocket("127.0.0.2");
      const gossip = new Gossip({ socket, clock: nodeClock, storage: new FileStorage(folder) });
      assert.throws(() => gossip.start(), /does not hold a revision/);
      assert.throws(() => socket.send(new Uint8Array(1), 1, LOCALHOST, 5000), /not open/);
      gossip.close();
    });
  });

  it("MemoryStorage keeps the revision as long as it lives", () => {
    const storage = new MemoryStorage();
    assert.equal(storage.readRevision(), undefined);
    storage.writeRevision(3);
    assert.equal(storage.readRevision(), 3);
    assert.equal(new MemoryStorage().readRevision(), undefined);
  });

  it("nodeClock counts integer milliseconds and calls back unless the timer is cleared", async () => {
    const before = nodeClock.nowMs();
    const calls: string[] = [];
    const cleared = nodeClock.setTimer(() => calls.push("cleared"), 1);
    nodeClock.clearTimer(cleared);
    await new Promise<void>((resolve) => nodeClock.setTimer(resolve, 20));
    assert.deepEqual(calls, []);
    const after = nodeClock.nowMs();
    assert.equal(before >>> 0, before);
    assert.ok(after > before);
  });

  it("nodePlatform gives each start another random seed", () => {
    assert.notEqual(nodePlatform().randomSeed, nodePlatform().randomSeed);
  });
});
