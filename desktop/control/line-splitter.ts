const LINE_FEED = 10;

/** Splits bytes into lines of at most `bytesMax`. Only a line feed ends one; readline of Node.js 24 knows more ends. */
export class LineSplitter {
  private readonly bytesMax: number;
  /** What stands behind the last line feed, as it came. */
  private rest: Buffer[] = [];
  private restBytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** @returns the lines that are whole now; undefined when one is too long */
  add(bytes: Buffer): string[] | undefined {
    const lines: string[] = [];
    this.rest.push(bytes);
    this.restBytes += bytes.length;
    if (!bytes.includes(LINE_FEED)) return this.restBytes > this.bytesMax ? undefined : lines;
    let all = Buffer.concat(this.rest);
    for (let end = all.indexOf(LINE_FEED); end >= 0; end = all.indexOf(LINE_FEED)) {
      if (end > this.bytesMax) return undefined;
      lines.push(all.toString("utf8", 0, end));
      all = all.subarray(end + 1);
    }
    this.rest = [all];
    this.restBytes = all.length;
    return all.length > this.bytesMax ? undefined : lines;
  }

  /** What stands behind the last line feed. */
  end(): string {
    return Buffer.concat(this.rest).toString("utf8");
  }
}
