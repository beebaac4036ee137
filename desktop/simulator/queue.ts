/** A callback at a virtual time. */
export interface SimEvent {
  readonly timeMs: number;
  /** Orders events of the same time: they run in the order in which they were added. */
  readonly sequence: number;
  /** The callback; undefined once it is cancelled. */
  run: (() => void) | undefined;
}

/** An event that whoever made it may add again after it ran. */
export interface ReusableEvent {
  timeMs: number;
  sequence: number;
  run(): void;
}

/** A binary heap of events, ordered by time, then by the order in which they were added. */
export class EventQueue {
  private readonly heap: SimEvent[] = [];
  private sequence = 0;

  get length(): number { return this.heap.length; }

  /** The time of the first event, also of one that was cancelled. */
  get nextMs(): number | undefined { return this.heap[0]?.timeMs; }

  add(timeMs: number, run: () => void): SimEvent {
    const event: SimEvent = { timeMs, sequence: this.sequence++, run };
    this.push(event);
    return event;
  }

  /** Adds an event that is not in the queue. */
  put(timeMs: number, event: ReusableEvent): void {
    event.timeMs = timeMs;
    event.sequence = this.sequence++;
    this.push(event);
  }

  /** Removes and returns the first event, if it is due by `untilMs`. */
  take(untilMs: number): SimEvent | undefined {
    const first = this.heap[0];
    if (first === undefined || first.timeMs > untilMs) return undefined;
    const last = this.heap.pop();
    if (last !== undefined && last !== first) {
      this.heap[0] = last;
      this.sink();
    }
    return first;
  }

  private push(event: SimEvent): void {
    this.heap.push(event);
    this.raise(this.heap.length - 1);
  }

  private raise(from: number): void {
    const heap = this.heap;
    const event = heap[from];
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!precedes(event, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  private sink(): void {
    const heap = this.heap;
    const event = heap[0];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && precedes(heap[child + 1], heap[child])) child++;
      if (!precedes(heap[child], event)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = event;
  }
}

function precedes(a: SimEvent, b: SimEvent): boolean {
  return a.timeMs === b.timeMs ? a.sequence < b.sequence : a.timeMs < b.timeMs;
}
