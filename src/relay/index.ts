import type { CborValue } from "../cbor/cbor.js";
import { checkGiven, integer } from "../checks.js";
import { invalid } from "../errors.js";

/** The part of a message that a relay uses: what `onMessage` of `messages` gets has it. */
export interface RelayMessage {
  topic: string;
  value: CborValue;
  reply?: (value: CborValue) => boolean;
}

export interface RelayOptions {
  /** Topic of the messages that switch it; "relay" by default. */
  topic?: string;
  /** Writes the output. What it throws goes to the caller; the state stays what it was. */
  write: (isOn: boolean) => void;
  /** Called after each change. Share the state here, so that all nodes see it: `node.push({ relay: isOn })`. */
  onChange?: (isOn: boolean) => void;
}

/** An output that messages of other nodes switch. */
export class Relay {
  private readonly topic: string;
  private readonly options: RelayOptions;
  private on = false;

  /**
   * Writes the output: off.
   *
   * @throws TypeError ERR_OPTION that names the option
   */
  constructor(options: RelayOptions) {
    checkGiven(options, "write onChange", "topic");
    if (typeof options.write as unknown !== "function") throw invalid("", "write", "is not a function", false);
    const topic = options.topic as unknown;
    if (topic !== undefined && typeof topic !== "string") throw invalid("", "topic", "is not a text", false);
    this.topic = topic === undefined ? "relay" : topic;
    this.options = options;
    options.write(false);
  }

  get isOn(): boolean {
    return this.on;
  }

  /** Switches the output, unless it is in that state. */
  set(isOn: boolean): void {
    if (isOn === this.on) return;
    this.options.write(isOn);
    this.on = isOn;
    const onChange = this.options.onChange;
    if (onChange !== undefined) onChange(isOn);
  }

  /**
   * Handles a message of the relay's topic. The values "on" and true switch it on, "off" and false switch it off,
   * "toggle" switches it over; any other value, such as null, changes nothing. A query is answered with the state
   * after that, true or false.
   *
   * @returns false for a message of another topic
   */
  receive(message: RelayMessage): boolean {
    if (message.topic !== this.topic) return false;
    const value = message.value;
    if (value === "on" || value === true) this.set(true);
    else if (value === "off" || value === false) this.set(false);
    else if (value === "toggle") this.set(!this.on);
    if (message.reply !== undefined) message.reply(this.on);
    return true;
  }
}

/** An output that messages switch. */
export function relay(options: RelayOptions): Relay {
  return new Relay(options);
}

export interface PressOptions {
  /** Level of a pressed button: 0, as with a button between pin and ground, or 1; 0 by default. */
  level?: number;
  /** An edge counts if none came for so long before it: 1 to 1,000 ms; 30 by default. */
  quietMs?: number;
  /** Called once for each time that the button is pressed. */
  onPress: () => void;
}

const LEVEL_PRESSED = 0;
const QUIET_MS = 30;
const QUIET_MS_MAX = 1000;

/** Counts the presses of a button whose contacts bounce. It needs no timer, and notices a press at its first edge. */
export class Press {
  private readonly level: number;
  private readonly quietMs: number;
  private readonly onPress: () => void;
  private edgeMs = 0;
  private hasEdge = false;

  /** @throws TypeError or RangeError ERR_OPTION that names the option */
  constructor(options: PressOptions) {
    checkGiven(options, "onPress", "level quietMs");
    this.level = integer("level", options.level, LEVEL_PRESSED, 0, 1);
    this.quietMs = integer("quietMs", options.quietMs, QUIET_MS, 1, QUIET_MS_MAX);
    if (typeof options.onPress as unknown !== "function") throw invalid("", "onPress", "is not a function", false);
    this.onPress = options.onPress;
  }

  /**
   * The level of the button's pin changed.
   *
   * @param level that it has now
   * @param nowMs time in ms of any clock; it may begin anew after 2^32 ms
   */
  edge(level: number, nowMs: number): void {
    const isQuiet = !this.hasEdge || (nowMs - this.edgeMs) >>> 0 >= this.quietMs;
    this.hasEdge = true;
    this.edgeMs = nowMs;
    if (isQuiet && level === this.level) this.onPress();
  }
}

/** Counts the presses of a button. */
export function press(options: PressOptions): Press {
  return new Press(options);
}
