/** The SDK's preferences, with the limits of ESP8266; their writes are counted, and the power may fail in one. */
export class MemoryPreferences {
  readonly values = new Map<string, number | ArrayBuffer>();
  writes = 0;
  /** Writes until the power fails. */
  writesLeft = Infinity;

  get(domain: string, key: string): number | ArrayBuffer | undefined {
    return this.values.get(`${domain}/${key}`);
  }

  set(domain: string, key: string, value: number | ArrayBuffer): void {
    this.count();
    if (domain.length > 15) throw new Error("too long");
    if (typeof value === "number" ? (value | 0) !== value : value.byteLength > 63) throw new Error("can't save prefs");
    this.values.set(`${domain}/${key}`, typeof value === "number" ? value : value.slice(0));
  }

  delete(domain: string, key: string): void {
    if (!this.values.has(`${domain}/${key}`)) return;
    this.count();
    this.values.delete(`${domain}/${key}`);
  }

  private count(): void {
    if (this.writesLeft-- <= 0) throw new PowerCut();
    this.writes++;
  }
}

/** Ends the life of a simulated board: nothing of it runs after it. */
export class PowerCut extends Error {}
