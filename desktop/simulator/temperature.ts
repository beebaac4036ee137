import { SimRandom } from "./random.js";

/** A simulated thermometer: the place's daily temperature curve in °C, and noise. */
export class Thermometer {
  private readonly random: SimRandom;
  private readonly mean: number;
  private readonly amplitude: number;
  /** When the place is warmest, as a fraction of the day. */
  private readonly warmest: number;

  constructor(seed: number, stream: number) {
    this.random = new SimRandom(seed, stream);
    this.mean = this.random.real(12, 24);
    this.amplitude = this.random.real(1, 9);
    this.warmest = this.random.real(0.5, 0.7);
  }

  /** A reading in °C, rounded to hundredths. @param dayFraction 0 is midnight, 0.5 is noon */
  read(dayFraction: number): number {
    const curve = this.amplitude * Math.cos((dayFraction - this.warmest) * 2 * Math.PI);
    // The sum of three uniform draws approximates a normal distribution.
    const noise = this.random.real(-0.2, 0.2) + this.random.real(-0.2, 0.2) + this.random.real(-0.2, 0.2);
    return Math.round((this.mean + curve + noise) * 100) / 100;
  }
}
