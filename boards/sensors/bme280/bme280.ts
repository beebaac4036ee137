/**
 * Bosch BME280 and BMP280 as a sensor class of ECMA-419. The Moddable SDK 8.2.3 has no class for the BME280, and its
 * BMP280 refuses one.
 *
 * Registers and formulas: data sheets BST-BME280-DS002 (sections 5.3, 4.2, 8.1) and BST-BMP280-DS001.
 */

/** The part of ECMA-419's I2C class that is used. */
interface I2CDevice {
  write(bytes: Uint8Array): void;
  read(bytes: Uint8Array): unknown;
  close(): void;
}

export interface BME280Options {
  /** `io` with its own options: `data`, `clock`; `address` is 0x76 by default, 0x77 with SDO high; `hz` 400,000. */
  sensor: {
    // The classes of different platforms take different options.
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    io: new (options: any) => I2CDevice;
    [option: string]: unknown;
  };
  /** Waits for ms, up to 20 of them. */
  delay: (ms: number) => void;
}

interface BME280Sample {
  /** °C */
  thermometer: { temperature: number };
  /** Pa */
  barometer: { pressure: number };
  /** In percent, as most classes of the SDK; none of a BMP280. */
  hygrometer?: { humidity: number };
}

const CALIBRATION = 0x88;
const CALIBRATION_BYTES = 26;
const HUMIDITY_CALIBRATION = 0xe1;
const HUMIDITY_CALIBRATION_BYTES = 7;
const CHIP_ID = 0xd0;
const RESET = 0xe0;
const CONTROL_HUMIDITY = 0xf2;
const STATUS = 0xf3;
const CONTROL = 0xf4;
const DATA = 0xf7;
const BME280_ID = 0x60;
/** Of samples of the BMP280's makers 0x56 and 0x57, in series 0x58. */
const BMP280_IDS = [0x56, 0x57, 0x58];
const RESET_COMMAND = 0xb6;
const START_MS = 2;
/** Each quantity measured once, one measurement, then sleep. */
const ONCE = 0b001;
const FORCED_MEASUREMENT = ONCE << 5 | ONCE << 2 | 0b01;
const BUSY = 0b1000;
/** The longest measurement of all three takes 9.3 ms. */
const MEASUREMENT_MS = 10;
const WAITS_MAX = 3;
/** What the data registers hold of a quantity that was not measured. */
const NOT_MEASURED = 0x80000;

export class BME280 {
  private io: I2CDevice | undefined;
  private readonly delay: (ms: number) => void;
  private readonly hasHumidity: boolean;
  private readonly calibration: DataView;
  private readonly humidityCalibration: DataView | undefined;

  /** @throws Error when no such sensor answers */
  constructor(options: BME280Options) {
    this.delay = options.delay;
    const { io: IO, ...more } = options.sensor;
    const io = new IO({ address: 0x76, hz: 400000, ...more });
    this.io = io;
    try {
      const id = this.read(CHIP_ID, 1).getUint8(0);
      this.hasHumidity = id === BME280_ID;
      if (!this.hasHumidity && !BMP280_IDS.includes(id)) throw new Error(`chip id ${id} is no BME280 and no BMP280`);
      this.write(RESET, RESET_COMMAND);
      this.delay(START_MS);
      this.calibration = this.read(CALIBRATION, CALIBRATION_BYTES);
      this.humidityCalibration = this.hasHumidity ?
        this.read(HUMIDITY_CALIBRATION, HUMIDITY_CALIBRATION_BYTES) : undefined;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** It has nothing to configure. */
  configure(): void {
    // As ECMA-419 has it.
  }

  /** Measures once, in about 10 ms, and sleeps after that. Undefined when the sensor has not measured. */
  sample(): BME280Sample | undefined {
    // What is written to this register counts from the next write to CONTROL on.
    if (this.hasHumidity) this.write(CONTROL_HUMIDITY, ONCE);
    this.write(CONTROL, FORCED_MEASUREMENT);
    let waits = 0;
    do {
      if (waits++ === WAITS_MAX) return undefined;
      this.delay(MEASUREMENT_MS);
    } while ((this.read(STATUS, 1).getUint8(0) & BUSY) !== 0);

    const data = this.read(DATA, this.hasHumidity ? 8 : 6);
    const rawPressure = data.getUint16(0) * 16 + (data.getUint8(2) >> 4);
    const rawTemperature = data.getUint16(3) * 16 + (data.getUint8(5) >> 4);
    if (rawPressure === NOT_MEASURED || rawTemperature === NOT_MEASURED) return undefined;
    const fine = this.fineTemperature(rawTemperature);
    const sample: BME280Sample = {
      thermometer: { temperature: fine / 5120 },
      barometer: { pressure: this.pressure(rawPressure, fine) },
    };
    if (this.hasHumidity) sample.hygrometer = { humidity: this.humidity(data.getUint16(6), fine) };
    return sample;
  }

  close(): void {
    this.io?.close();
    this.io = undefined;
  }

  /** Temperature in 1/5120 °C: t_fine of the data sheets. */
  private fineTemperature(raw: number): number {
    const t1 = this.calibration.getUint16(0, true);
    const coarse = raw / 16384 - t1 / 1024;
    const square = (raw / 131072 - t1 / 8192) ** 2;
    return coarse * this.signed(2) + square * this.signed(4);
  }

  /** In Pa. P1 to P9 are at the offsets 6 to 22. */
  private pressure(raw: number, fine: number): number {
    const t = fine / 2 - 64000;
    const slope = t * t * this.signed(16) / 32768 + t * this.signed(14) * 2;
    const offset = slope / 4 + this.signed(12) * 65536;
    const p3 = (this.signed(10) * t * t / 524288 + this.signed(8) * t) / 524288;
    const gain = (1 + p3 / 32768) * this.calibration.getUint16(6, true);
    if (gain === 0) return NaN;
    const p = (1048576 - raw - offset / 4096) * 6250 / gain;
    return p + (this.signed(22) * p * p / 2147483648 + p * this.signed(20) / 32768 + this.signed(18)) / 16;
  }

  /** In percent. */
  private humidity(raw: number, fine: number): number {
    const calibration = this.humidityCalibration;
    if (calibration === undefined) return NaN;
    const h1 = this.calibration.getUint8(25);
    const h2 = calibration.getInt16(0, true);
    const h3 = calibration.getUint8(2);
    // H4 and H5 have 12 bits each and share the byte between them.
    const h4 = calibration.getInt8(3) * 16 + (calibration.getUint8(4) & 0x0f);
    const h5 = calibration.getInt8(5) * 16 + (calibration.getUint8(4) >> 4);
    const h6 = calibration.getInt8(6);
    const t = fine - 76800;
    const slope = h2 / 65536 * (1 + h6 / 67108864 * t * (1 + h3 / 67108864 * t));
    const linear = (raw - (h4 * 64 + h5 / 16384 * t)) * slope;
    return Math.min(100, Math.max(0, linear * (1 - h1 * linear / 524288)));
  }

  private signed(offset: number): number {
    return this.calibration.getInt16(offset, true);
  }

  private read(register: number, length: number): DataView {
    const bytes = new Uint8Array(length);
    this.io?.write(Uint8Array.of(register));
    this.io?.read(bytes);
    return new DataView(bytes.buffer);
  }

  private write(register: number, value: number): void {
    this.io?.write(Uint8Array.of(register, value));
  }
}
