import assert from "node:assert/strict";
import { BME280 } from "../../boards/sensors/bme280/bme280.js";
import { type ReadingMap, type SensorSource, readings } from "../../src/sensors/index.js";
import { FakeTimer, load } from "./load.js";

/** The example of data sheet BST-BMP280-DS001, section 3.12: T1 to T3, P1 to P9. */
const CALIBRATION = [27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000];
const RAW_TEMPERATURE = 519888;
const RAW_PRESSURE = 415148;

/**
 * Registers of a BME280 or BMP280 on an I²C bus, as far as the data sheets say: a write of two bytes sets a register,
 * of one byte the address to read from. A measurement that was asked for is done when time has passed.
 */
class Chip {
  readonly registers = new Uint8Array(256);
  isThere = true;
  stuck = false;
  resets = 0;
  isMeasured = false;
  private at = 0;

  constructor(id: number) {
    this.registers[0xd0] = id;
    const view = new DataView(this.registers.buffer);
    CALIBRATION.forEach((value, index) => view.setUint16(0x88 + 2 * index, value & 0xffff, true));
    this.registers[0xa1] = 75;
    // H2 = 361, H3 = 0, H4 = 324, H5 = 50, H6 = 30.
    this.registers.set([361 & 0xff, 361 >> 8, 0, 324 >> 4, (324 & 0x0f) | (50 & 0x0f) << 4, 50 >> 4, 30], 0xe1);
    this.clear();
  }

  write(bytes: Uint8Array): void {
    if (!this.isThere) throw new Error("write failed");
    this.at = bytes[0];
    if (bytes.length === 1) return;
    assert.equal(bytes.length, 2);
    if (this.at === 0xe0 && bytes[1] === 0xb6) {
      this.resets++;
      this.registers[0xf2] = this.registers[0xf4] = 0;
      this.clear();
      return;
    }
    this.registers[this.at] = bytes[1];
    if (this.at === 0xf4 && (bytes[1] & 0b11) === 0b01) this.registers[0xf3] = 0b1000;
  }

  read(bytes: Uint8Array): void {
    if (!this.isThere) throw new Error("read failed");
    bytes.set(this.registers.subarray(this.at, this.at + bytes.length));
  }

  pass(ms: number): void {
    if (this.stuck || ms < 9 || this.registers[0xf3] === 0) return;
    this.registers[0xf3] = 0;
    const [humidity, control] = [this.registers[0xf2], this.registers[0xf4]];
    if ((control >> 2 & 7) > 0) this.set(0xf7, RAW_PRESSURE);
    if (control >> 5 > 0) this.set(0xfa, RAW_TEMPERATURE);
    if ((humidity & 7) > 0) this.registers.set([30000 >> 8, 30000 & 0xff], 0xfd);
  }

  private clear(): void {
    this.set(0xf7, 0x80000);
    this.set(0xfa, 0x80000);
    this.registers.set([0x80, 0], 0xfd);
  }

  private set(register: number, raw: number): void {
    this.registers.set([raw >> 12, raw >> 4 & 0xff, (raw & 0x0f) << 4], register);
  }
}

/** The SDK's I2C on the ESP32: it refuses a second one of the same address. */
function i2cOf(chip: Chip): { I2C: unknown; opened: () => object[]; given: object[] } {
  const open = new Set<object>();
  const given: object[] = [];
  class I2C {
    constructor(options: { address: number }) {
      given.push(options);
      if (open.size > 0) throw new RangeError("duplicate address");
      open.add(this);
    }

    write(bytes: Uint8Array): void { chip.write(bytes); }
    read(bytes: Uint8Array): void { chip.read(bytes); }
    close(): void { open.delete(this); }
  }
  return { I2C, opened: () => [...open], given };
}

describe("boards/sensors", () => {
  describe("the class BME280", () => {
    function make(chip: Chip): BME280 {
      const { I2C } = i2cOf(chip);
      return new BME280({ sensor: { io: I2C as never, data: 21, clock: 22 }, delay: (ms) => chip.pass(ms) });
    }

    it("temperature and pressure are those of the data sheet's example", () => {
      const { thermometer, barometer } = make(new Chip(0x60)).sample() ?? assert.fail();
      assert.equal(thermometer.temperature.toFixed(2), "25.08");
      assert.equal(barometer.pressure.toFixed(2), "100653.27");
    });

    it("humidity agrees with the data sheet's formula in 32-bit integers", () => {
      const { hygrometer } = make(new Chip(0x60)).sample() ?? assert.fail();
      // Section 4.2.3 in integers, with t_fine of the example: it differs in the last bits.
      const fine = 128422;
      const [h1, h2, h3, h4, h5, h6] = [75, 361, 0, 324, 50, 30];
      const t = fine - 76800;
      const a = (30000 << 14) - (h4 << 20) - h5 * t + 16384 >> 15;
      const b = ((t * h6 >> 10) * ((t * h3 >> 11) + 32768) >> 10) + 2097152;
      const c = a * (b * h2 + 8192 >> 14);
      const d = c - (((c >> 15) * (c >> 15) >> 7) * h1 >> 4);
      const percent = (d >> 12) / 1024;
      assert.ok(percent > 10 && percent < 90, String(percent));
      assert.ok(Math.abs((hygrometer?.humidity ?? NaN) - percent) < 0.02, `${hygrometer?.humidity} and ${percent}`);
    });

    it("a BMP280 has no humidity, another chip is refused and let go", () => {
      assert.deepEqual(Object.keys(make(new Chip(0x58)).sample() ?? {}), ["thermometer", "barometer"]);
      assert.throws(() => make(new Chip(0x61)), /^Error: chip id 97 is no BME280 and no BMP280$/);
    });

    it("the constructor resets the sensor, which sleeps between samples", () => {
      const chip = new Chip(0x60);
      const sensor = make(chip);
      assert.equal(chip.resets, 1);
      assert.equal(chip.registers[0xf4] & 0b11, 0);
      sensor.sample();
      assert.equal(chip.registers[0xf4], 0b001_001_01);
    });

    it("a sensor that does not finish gives no sample", () => {
      const chip = new Chip(0x60);
      const sensor = make(chip);
      chip.stuck = true;
      assert.equal(sensor.sample(), undefined);
    });
  });

  for (const [chipId, map] of [
    [0x60, { temp: 25.125, hum: 51, pres: 100650 }], [0x58, { temp: 25.125, pres: 100650 }],
  ] as const) {
    it(`bme280/sensor.ts gives the map of chip ${chipId}, also when the sensor is there only later`, async () => {
      const chip = new Chip(chipId);
      const { I2C, opened, given } = i2cOf(chip);
      const { sensors } = await load<{ sensors: () => SensorSource[] }>("boards/sensors/bme280/sensor.ts", {
        ...await modules(I2C, { sda: "4", scl: 5, address: "119" }),
        "timer": { ...new FakeTimer(), delay: (ms: number) => chip.pass(ms) },
      });
      checkLater(chip, sensors(), map);
      assert.deepEqual([opened().length, given.length], [1, 4]);
      for (const options of given) {
        const { data, clock, address } = options as { data: number; clock: number; address: number };
        assert.deepEqual([data, clock, address], [4, 5, 119]);
      }
    });
  }

  it("sht3x/sensor.ts opens the SDK's class anew although that leaves its I2C open when it throws", async () => {
    const chip = new Chip(0);
    const { I2C, opened } = i2cOf(chip);
    // As the SDK's class: the constructor writes, and does not close what it opened.
    class SHT3x {
      private readonly io: { write(bytes: Uint8Array): void };
      constructor(options: { sensor: { io: new (options: object) => { write(bytes: Uint8Array): void } } }) {
        this.io = new options.sensor.io({ hz: 1000000, address: 0x44, ...options.sensor });
        this.io.write(Uint8Array.of(0x30, 0xa2));
      }

      sample(): object {
        this.io.write(Uint8Array.of(0x2c, 0x06));
        return { thermometer: { temperature: 20 }, hygrometer: {} };
      }
    }
    const { sensors } = await load<{ sensors: () => SensorSource[] }>("boards/sensors/sht3x/sensor.ts", {
      ...await modules(I2C, { sda: 21, scl: 22 }),
      "embedded:sensor/Humidity-Temperature/SHT3x": SHT3x,
    });
    checkLater(chip, sensors(), { temp: 20 });
    assert.equal(opened().length, 1);
  });
});

/** What the manifest gives to a sensor.ts. */
async function modules(I2C: unknown, config: object): Promise<Record<string, unknown>> {
  const place = await load<{ place: () => object }>("boards/sensors/i2c-bus.ts", {
    "embedded:io/i2c": I2C, "mc/config": config,
  });
  return { "i2c-bus": place, "bme280": { BME280 }, "mc/config": config };
}

/** The sensor is missing at two samples, works, is pulled off, and is back. */
function checkLater(chip: Chip, sensors: SensorSource[], map: ReadingMap): void {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error === undefined ? error : (error as Error).message);
  const readout = readings({ sensors, onError });
  chip.isThere = false;
  assert.equal(readout.sample(), undefined);
  assert.equal(readout.sample(), undefined);
  chip.isThere = true;
  assert.deepEqual(readout.sample(), map);
  chip.isThere = false;
  assert.equal(readout.sample(), undefined);
  chip.isThere = true;
  assert.deepEqual(readout.sample(), map);
  assert.deepEqual(errors, ["write failed", undefined, "write failed", undefined]);
}
