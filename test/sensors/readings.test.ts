import assert from "node:assert/strict";
import { encodeCbor } from "../../src/cbor/cbor.js";
import { type ReadingMap, type ReadingsOptions, type Sensor, readings } from "../../src/sensors/index.js";

/** A sensor whose next samples are given; an Error is thrown. */
class ListedSensor implements Sensor {
  isClosed = false;
  constructor(private readonly samples: unknown[]) {}

  sample(): unknown {
    if (this.isClosed) throw new Error("closed");
    const sample = this.samples.length > 1 ? this.samples.shift() : this.samples[0];
    if (sample instanceof Error) throw sample;
    return sample;
  }

  close(): void {
    this.isClosed = true;
  }
}

function of(...samples: unknown[]): Sensor {
  return new ListedSensor(samples);
}

function bytesOf(value: unknown): number {
  return encodeCbor(value, new Uint8Array(256), 0);
}

describe("readings", () => {
  it("a compound sample becomes a flat map of short names, rounded", () => {
    const sensor = of({
      thermometer: { temperature: 21.4321 }, hygrometer: { humidity: 40.4 }, barometer: { pressure: 101325.4 },
    });
    const map = readings({ sensors: [{ open: () => sensor }] }).sample();
    assert.deepEqual(map, { temp: 21.375, hum: 40, pres: 101330 });
    assert.equal(bytesOf(map), 25);
  });

  it("a simple sample becomes a map, and what has no name or is no finite number is left out", () => {
    const sample = {
      temperature: -0.01, alert: true, x: 3, distance: null, pressure: NaN, CO2: 412.5, inner: { max: 5 },
    };
    const map = readings({ sensors: [{ open: () => of(sample) }] }).sample();
    assert.deepEqual(Object.entries(map ?? {}), [["temp", 0], ["co2", 413]]);
  });

  it("every temperature from -55 to 125 °C takes 3 bytes, a tenth of a degree mostly 9", () => {
    for (let temperature = -55; temperature <= 125; temperature += 0.01) {
      const map = readings({ sensors: [{ open: () => of({ temperature }) }] }).sample();
      assert.ok(bytesOf(map?.temp) <= 3, String(temperature));
      assert.ok(Math.abs((map?.temp ?? NaN) - temperature) <= 1 / 16 + 1e-9);
    }
    assert.equal(bytesOf(21.4), 9);
  });

  it("a reading that is too great to be rounded is left out", () => {
    const sensor = of({ thermometer: { temperature: 1e308 }, hygrometer: { humidity: 40 } });
    assert.deepEqual(readings({ sensors: [{ open: () => sensor }] }).sample(), { hum: 40 });
  });

  it("several sensors are merged: names tell two of a kind apart, otherwise the first counts", () => {
    const sensors = [
      { open: () => of({ temperature: 20 }) },
      { open: () => of({ hygrometer: { humidity: 0.55 }, thermometer: { temperature: 5 } }),
        names: { temperature: "temp-out" }, scale: { humidity: 100 } },
      { open: () => of({ temperature: 99, lux: 7, voltage: 3.71 }), names: { lux: "", voltage: "bat" } },
    ];
    const map = readings({ sensors, steps: { bat: 0.5 } }).sample();
    assert.deepEqual(map, { "temp": 20, "hum": 55, "temp-out": 5, "bat": 3.5 });
  });

  it("a sensor that throws is closed and opened again, and leaves the others alone", () => {
    const made: ListedSensor[] = [];
    const errors: [unknown, number][] = [];
    const sensors = readings({
      sensors: [
        { open: () => of({ humidity: 50 }) },
        { open: () => {
          if (made.length === 1) {
            made.push(new ListedSensor([]));
            throw new Error("write failed");
          }
          const sensor = new ListedSensor(made.length === 0 ? [{ temperature: 20 }, new Error("read failed")] :
            [{ temperature: 22 }]);
          made.push(sensor);
          return sensor;
        } },
      ],
      onError: (error, index) => errors.push([error instanceof Error ? error.message : error, index]),
    });
    assert.deepEqual(sensors.sample(), { hum: 50, temp: 20 });
    assert.deepEqual(sensors.sample(), { hum: 50 });
    assert.equal(made[0].isClosed, true);
    assert.deepEqual(sensors.sample(), { hum: 50 });
    assert.deepEqual(errors, [["read failed", 1]]);
    assert.deepEqual(sensors.sample(), { hum: 50, temp: 22 });
    assert.deepEqual(errors, [["read failed", 1], [undefined, 1]]);
  });

  it("a sensor without a reading is reported once, and opened anew after three samples", () => {
    let opened = 0;
    const errors: unknown[] = [];
    const sensors = readings({
      sensors: [{ open: () => {
        opened++;
        return of(opened < 3 ? { thermometer: {} } : { thermometer: { temperature: 1 } });
      } }],
      onError: (error) => errors.push(error === undefined ? error : (error as Error).message),
    });
    for (let i = 0; i < 6; i++) assert.equal(sensors.sample(), undefined);
    assert.equal(opened, 2);
    assert.deepEqual(sensors.sample(), { temp: 1 });
    assert.equal(opened, 3);
    assert.deepEqual(errors, ["no reading", undefined]);
  });

  it("samples that are no object, and a close that throws, do no harm", () => {
    for (const sample of [undefined, null, 5, "warm", []]) {
      const open = () => ({ sample: () => sample, close: () => { throw new Error("no"); } });
      const sensors = readings({ sensors: [{ open }] });
      for (let i = 0; i < 4; i++) assert.equal(sensors.sample(), undefined);
      sensors.close();
    }
  });

  describe("update", () => {
    let next: unknown;
    let shared: (ReadingMap | undefined)[];
    const share = (map: ReadingMap | undefined) => { shared.push(map); };
    const make = (more: Partial<ReadingsOptions>) =>
      readings({ sensors: [{ open: () => ({ sample: () => next }) }], ...more });

    beforeEach(() => (shared = []));

    it("the first readings are shared, then each change, and the loss of all once", () => {
      const sensors = make({});
      next = undefined;
      assert.equal(sensors.update(0, share), false);
      next = { temperature: 20 };
      assert.equal(sensors.update(0, share), true);
      assert.equal(sensors.update(0, share), false);
      next = { temperature: 20.1 };
      sensors.update(0, share);
      next = { temperature: 20.1, humidity: 50 };
      sensors.update(0, share);
      next = { temperature: 20.1 };
      sensors.update(0, share);
      next = undefined;
      sensors.update(0, share);
      sensors.update(0, share);
      const both = { temp: 20.125, hum: 50 };
      assert.deepEqual(shared, [{ temp: 20 }, { temp: 20.125 }, both, { temp: 20.125 }, undefined]);
    });

    it("what could not be shared is shared by the next call", () => {
      const sensors = readings({ sensors: [{ open: () => of({ temperature: 20 }) }] });
      assert.throws(() => sensors.update(0, () => { throw new Error("no room"); }), /no room/);
      const shared: unknown[] = [];
      sensors.update(1, (map) => shared.push(map));
      assert.deepEqual(shared, [{ temp: 20 }]);
    });

    it("a change below the threshold is not shared, but a slow drift is", () => {
      const sensors = make({ thresholds: { temp: 0.5 } });
      for (let i = 0; i <= 16; i++) {
        next = { temperature: 20 + i / 8 };
        sensors.update(0, share);
      }
      assert.deepEqual(shared.map((map) => map?.temp), [20, 20.5, 21, 21.5, 22]);
    });

    it("without a change it is shared again after repeatMs, also where the clock begins anew", () => {
      const sensors = make({ repeatMs: 60000 });
      next = { temperature: 20 };
      for (let nowMs = 2 ** 32 - 90000; nowMs < 2 ** 32 + 90000; nowMs += 10000) sensors.update(nowMs >>> 0, share);
      assert.equal(shared.length, 3);
      next = undefined;
      for (let i = 0; i < 20; i++) sensors.update(200000 + i * 10000, share);
      assert.deepEqual(shared.slice(3), [undefined]);
    });
  });

  it("wrong options are refused by name", () => {
    const good = { open: () => of({}) };
    const cases: [unknown, RegExp][] = [
      [{}, /^sensors: is not an array$/],
      [{ sensors: [] }, /^sensors: has 0 entries, not 1 to 16$/],
      [{ sensors: new Array(17).fill(good) }, /^sensors: has 17 entries/],
      [{ sensors: [good, {}] }, /^sensors: entry 1 has no function open$/],
      [{ sensors: [{ ...good, scale: { humidity: 0 } }] }, /^sensors\[0\]\.scale: humidity is 0, not a number above 0$/],
      [{ sensors: [good], steps: { temp: "1" } }, /^steps: temp is not a number, not a number above 0$/],
      [{ sensors: [good], thresholds: { temp: -1 } }, /^thresholds: temp is -1, not a number of at least 0$/],
      [{ sensors: [good], repeatMs: 999 }, /^repeatMs: 999 is not an integer from 1000 to 86400000$/],
      [{ sensors: [good], onError: 1 }, /^onError: /],
      [{ sensors: [good], treshold: {} }, /^treshold: /],
    ];
    for (const [options, message] of cases) {
      assert.throws(() => readings(options as ReadingsOptions), { code: "ERR_OPTION", message });
    }
  });
});
