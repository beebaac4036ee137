import assert from "node:assert/strict";
import { mediaAddress } from "../../src/engine/table/media.js";
import { MediaSocket, type Medium } from "../../src/platform/media-socket.js";
import type { GossipSocket } from "../../src/platform/types.js";

const BROADCAST = 0xffffffff;
const PORT = 5000;
const UDP_ADDRESS = 0xc0a80005;

/** Media that are connected to one another: each frame goes to all others, or to one station. */
class Ether {
  readonly stations: Station[] = [];

  station(frameBytesMax = 250, isLine = false): Station {
    const station = new Station(this, this.stations.length + 1, frameBytesMax, isLine);
    this.stations.push(station);
    return station;
  }
}

class Station implements Medium {
  readonly frameBytesMax: number;
  readonly isLine: boolean;
  readonly sent: { bytes: Uint8Array; to: number }[] = [];
  private readonly ether: Ether;
  private readonly number: number;
  private onFrame: Parameters<Medium["open"]>[0] | undefined;

  constructor(ether: Ether, number: number, frameBytesMax: number, isLine: boolean) {
    this.ether = ether;
    this.number = number;
    this.frameBytesMax = frameBytesMax;
    this.isLine = isLine;
  }

  open(onFrame: Parameters<Medium["open"]>[0]): void {
    this.onFrame = onFrame;
  }

  send(bytes: Uint8Array, length: number, to: number): void {
    this.sent.push({ bytes: bytes.slice(0, length), to });
    for (const other of this.ether.stations) {
      if (other === this || (to !== 0 && to !== other.number)) continue;
      other.receive(bytes.slice(0, length), this.isLine ? 0 : this.number);
    }
  }

  receive(bytes: Uint8Array, from: number): void {
    this.onFrame?.(bytes, bytes.length, from);
  }

  close(): void {
    this.onFrame = undefined;
  }
}

interface Arrival {
  data: number[];
  address: number;
  port: number;
}

function bound(socket: MediaSocket): Arrival[] {
  const arrivals: Arrival[] = [];
  socket.bind(PORT, (bytes, length, address, port) => {
    arrivals.push({ data: [...bytes.subarray(0, length)], address, port });
  }, assert.fail);
  return arrivals;
}

function fakeUdp(): GossipSocket & { sent: number[]; receive(address: number): void } {
  let onDatagram: Parameters<GossipSocket["bind"]>[1] = () => undefined;
  const sent: number[] = [];
  return {
    sent,
    bind: (_port, callback) => {
      onDatagram = callback;
    },
    send: (_bytes, _length, address) => sent.push(address),
    ownAddress: () => UDP_ADDRESS,
    deviceId: () => 77,
    close: () => undefined,
    receive: (address) => onDatagram(Uint8Array.of(1), 1, address, PORT),
  };
}

describe("MediaSocket", () => {
  const data = Uint8Array.of(193, 1, 2);

  it("a broadcast reaches all on a radio, and the answer goes to the one station", () => {
    const ether = new Ether();
    const [one, two, three] = [1, 2, 3].map((device) => new MediaSocket({ media: [ether.station()], device }));
    const [atOne, atTwo, atThree] = [one, two, three].map(bound);
    one.send(data, 3, BROADCAST, PORT);
    const expected = { data: [193, 1, 2], address: mediaAddress(1), port: PORT };
    assert.deepEqual([atTwo, atThree], [[expected], [expected]]);
    two.send(data, 3, mediaAddress(1), PORT);
    assert.equal(atOne.length, 1);
    assert.equal(ether.stations[1].sent[0].to, 1);
    assert.equal(atThree.length, 1, "a frame to one station");
  });

  it("a datagram for a node that was not heard goes to all, and only that node gets it", () => {
    const ether = new Ether();
    const [one, two, three] = [1, 2, 3].map((device) => new MediaSocket({ media: [ether.station()], device }));
    const [, atTwo, atThree] = [one, two, three].map(bound);
    one.send(data, 3, mediaAddress(3), PORT);
    assert.deepEqual([atTwo.length, atThree.length, two.ignored], [0, 1, 1]);
    assert.ok(two.reaches(mediaAddress(1)) && two.bytesMax(mediaAddress(9), PORT) === 237);
  });

  it("a node with UDP shows its UDP address on its media, and is reached there under it", () => {
    const ether = new Ether();
    const udp = fakeUdp();
    const gateway = new MediaSocket({ udp, media: [ether.station(250, true)], device: 1 });
    const sensor = new MediaSocket({ media: [ether.station(250, true)], device: 2 });
    const atGateway = bound(gateway);
    const atSensor = bound(sensor);
    assert.equal(sensor.reaches(UDP_ADDRESS), false, "not heard yet");
    gateway.setOwnAddress(UDP_ADDRESS, PORT);
    gateway.send(data, 3, 0xf0000001, PORT);
    assert.deepEqual(atSensor, [{ data: [193, 1, 2], address: UDP_ADDRESS, port: PORT }]);
    assert.equal(sensor.reaches(UDP_ADDRESS), true);
    sensor.send(data, 3, UDP_ADDRESS, PORT);
    assert.deepEqual(atGateway, [{ data: [193, 1, 2], address: mediaAddress(2), port: PORT }]);
    gateway.send(data, 3, mediaAddress(2), PORT);
    assert.equal(atSensor.length, 2);
    assert.deepEqual(udp.sent, []);
  });

  it("UDP carries what was not heard elsewhere, and never what is for media", () => {
    const ether = new Ether();
    const udp = fakeUdp();
    const gateway = new MediaSocket({ udp, media: [ether.station(250, true)], device: 1 });
    bound(gateway);
    gateway.send(data, 3, 0xc0a80009, PORT);
    gateway.send(data, 3, BROADCAST, PORT);
    assert.deepEqual(udp.sent, [0xc0a80009, BROADCAST]);
    assert.equal(gateway.reaches(mediaAddress(5)), false, "no node of a line was heard");
    gateway.send(data, 3, mediaAddress(5), PORT);
    assert.deepEqual(udp.sent.length, 2);
    const line = new MediaSocket({ media: [new Ether().station(250, true)], device: 1 });
    bound(line);
    assert.throws(() => line.send(data, 3, 0xc0a80009, PORT), /no way to the address/);
  });

  it("a node is reached where it was heard last", () => {
    const ether = new Ether();
    const udp = fakeUdp();
    const gateway = new MediaSocket({ udp, media: [ether.station()], device: 1 });
    const other = new MediaSocket({ udp: fakeUdp(), media: [ether.station()], device: 2 });
    bound(gateway);
    bound(other);
    other.setOwnAddress(0xc0a80006, PORT);
    other.send(data, 3, BROADCAST, PORT);
    assert.equal(gateway.bytesMax(0xc0a80006, PORT), 237);
    gateway.send(data, 3, 0xc0a80006, PORT);
    assert.deepEqual(udp.sent, []);
    udp.receive(0xc0a80006);
    assert.equal(gateway.bytesMax(0xc0a80006, PORT), 1472);
    gateway.send(data, 3, 0xc0a80006, PORT);
    assert.deepEqual(udp.sent, [0xc0a80006]);
  });

  it("frames without a head that can be are ignored and counted", () => {
    const ether = new Ether();
    const station = ether.station();
    const socket = new MediaSocket({ media: [station], device: 1 });
    const arrivals = bound(socket);
    const own = [mediaAddress(1) >>> 24, 0, 0, 1];
    const heads = [
      [], [0], [1, 10, 0, 0, 1, 19, 136], [3, 10, 0, 0, 1, 19, 136, 193], [1, 0, 0, 0, 0, 19, 136, 193],
      [1, 255, 255, 255, 255, 19, 136, 193], [1, 10, 0, 0, 1, 0, 0, 193], [1, 240, 0, 0, 1, 19, 136, 193],
      [1, ...own, 19, 136, 193], [2, 10, 0, 0, 1, 19, 136, 241, 0, 0, 9, 19, 136, 193],
    ];
    for (const head of heads) station.receive(Uint8Array.from(head), 5);
    assert.deepEqual(arrivals, []);
    assert.equal(socket.ignored, heads.length);
    station.receive(Uint8Array.of(2, 10, 0, 0, 1, 19, 136, ...own, 19, 136, 193), 5);
    assert.equal(arrivals.length, 1);
  });

  it("of more than 64 nodes it remembers the last ones", () => {
    const ether = new Ether();
    const station = ether.station(250, true);
    const socket = new MediaSocket({ media: [station], device: 1 });
    bound(socket);
    for (let i = 0; i < 100; i++) station.receive(Uint8Array.of(1, 10, 0, 1, i, 19, 136, 193), 0);
    const reached = Array.from({ length: 100 }, (_, i) => i).filter((i) => socket.reaches(0x0a000100 + i));
    assert.deepEqual(reached, Array.from({ length: 64 }, (_, i) => 36 + i));
  });

  it("it refuses media with frames that are too short or too long", () => {
    for (const [frameBytesMax, isLine] of [[134, true], [1480, true], [140, false], [1486, false]] as const) {
      const media = [new Ether().station(frameBytesMax, isLine)];
      assert.throws(() => new MediaSocket({ media, device: 1 }), /frameBytesMax/);
    }
    assert.throws(() => new MediaSocket({ media: [], device: 1 }), /1 to 8 media/);
  });
});
