/** Lines for standard output. They wait until the node can be asked: who reads the first one may ask at once. */
export class HeldLines {
  private waiting: string[] | undefined = [];

  readonly write = (line: string): void => {
    if (this.waiting === undefined) process.stdout.write(`${line}\n`);
    else this.waiting.push(line);
  };

  /** Writes what waits. Later lines do not wait. */
  release(): void {
    const lines = this.waiting ?? [];
    this.waiting = undefined;
    lines.forEach(this.write);
  }
}
