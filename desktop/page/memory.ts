/** What the browser remembers. Where it forbids that, nothing is remembered. */
export class Memory {
  private readonly storage: () => Storage;

  constructor(storage: () => Storage) {
    this.storage = storage;
  }

  get(key: string): string | undefined {
    try {
      return this.storage().getItem(PREFIX + key) ?? undefined;
    } catch {
      return undefined;
    }
  }

  set(key: string, value: string): void {
    try {
      this.storage().setItem(PREFIX + key, value);
    } catch {
      // It is full or forbidden: the page works without.
    }
  }

  remove(key: string): void {
    try {
      this.storage().removeItem(PREFIX + key);
    } catch {
      // As above.
    }
  }
}

const PREFIX = "chisme-";

/** Over restarts of the browser. */
export const lasting = new Memory(() => localStorage);
/** For this tab, until it is closed. */
export const passing = new Memory(() => sessionStorage);
