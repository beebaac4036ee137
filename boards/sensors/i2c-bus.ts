import I2C from "embedded:io/i2c";
import config from "mc/config";

/** All classes of ECMA-419 have `close`, the typings of this one do not. */
type ClosableI2C = I2C & { close(): void };

/** What the SDK's sensor classes take as `sensor`. */
export interface I2COptions {
  io: new (options: ConstructorParameters<typeof I2C>[0]) => ClosableI2C;
  data: number;
  clock: number;
  address?: number;
  [option: string]: unknown;
}

/**
 * A place on the I²C bus at the pins `sda` and `scl`, for one sensor; at the address `address`, if the configuration
 * has one.
 *
 * A class of the SDK whose constructor throws, as when no sensor answers, leaves its I2C open. The SDK then refuses the
 * address as a duplicate for good. So each new I2C of this place closes the one before.
 */
export function place(): I2COptions {
  let last: ClosableI2C | undefined;
  class ReplacingI2C extends I2C {
    constructor(options: ConstructorParameters<typeof I2C>[0]) {
      last?.close();
      last = undefined;
      super(options);

      last = this as unknown as ClosableI2C;
    }
  }
  const io = ReplacingI2C as unknown as I2COptions["io"];
  const options: I2COptions = { io, data: Number(config.sda), clock: Number(config.scl) };
  if (config.address !== undefined) options.address = Number(config.address);
  return options;
}
