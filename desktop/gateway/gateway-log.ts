const SECRET_CHARACTERS_LEAST = 4;
const LINE_CHARACTERS_MAX = 2000;

/** What a part of the gateway says to its operator. */
export interface PartLog {
  info(message: string): void;
  warn(message: string): void;
}

/** The lines of the gateway on standard error. None shows a secret that was read. */
export class GatewayLog {
  /** The longest first: one may be a part of another. */
  private secrets: string[] = [];
  /** Those that are too short to be hidden in lines are kept from commands, too. */
  private readonly kept = new Set<string>();
  private readonly write: (line: string) => void;

  constructor(write: (line: string) => void = (line) => void process.stderr.write(`${line}\n`)) {
    this.write = write;
  }

  /** From now on `***` stands in place of this text. */
  hide(secret: string): void {
    if (this.kept.has(secret)) return;
    this.kept.add(secret);
    if (secret.length < SECRET_CHARACTERS_LEAST) return;
    this.secrets = [...this.secrets, secret].sort((one, other) => other.length - one.length);
  }

  /** The environment of this process without the variables that hold a hidden secret. */
  environment(): NodeJS.ProcessEnv {
    const isShown = (value = ""): boolean => !this.kept.has(value.trim());
    return Object.fromEntries(Object.entries(process.env).filter(([, value]) => isShown(value)));
  }

  /** @param name of the part, such as "mqtt" */
  part(name: string): PartLog {
    return {
      info: (message) => this.line(`${name}: ${message}`),
      warn: (message) => this.line(`warning: ${name}: ${message}`),
    };
  }

  private line(text: string): void {
    let shown = text.replaceAll(/[\r\n]+/g, " ");
    for (const secret of this.secrets) {
      shown = shown.replaceAll(secret, "***").replaceAll(encodeURIComponent(secret), "***");
    }
    this.write(shown.length > LINE_CHARACTERS_MAX ? `${shown.slice(0, LINE_CHARACTERS_MAX)}…` : shown);
  }
}
