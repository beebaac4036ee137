import { SingleBar } from "cli-progress";
import type { Progress } from "./run.js";

export interface TerminalProgress {
  taken: Progress;
  end(): void;
}

/** Shows a bar on a terminal, otherwise a line for each tenth of the samples. */
export function terminalProgress(stream: NodeJS.WriteStream): TerminalProgress {
  return stream.isTTY ? barProgress(stream) : lineProgress(stream);
}

function barProgress(stream: NodeJS.WriteStream): TerminalProgress {
  const bar = new SingleBar({
    stream, hideCursor: true, barsize: 24, barCompleteChar: "█", barIncompleteChar: "░", clearOnComplete: true,
    format: "{bar} {value} of {total} samples, {eta_formatted} left  {measurement}",
  });
  return {
    taken(measurement, taken, ofAll) {
      if (!bar.isActive) bar.start(ofAll, 0, { measurement });
      bar.update(taken, { measurement });
    },
    end: () => bar.stop(),
  };
}

function lineProgress(stream: NodeJS.WriteStream): TerminalProgress {
  let reported = 0;
  return {
    taken(measurement, taken, ofAll) {
      const tenths = Math.floor(10 * taken / ofAll);
      if (tenths === reported) return;
      reported = tenths;
      stream.write(`${taken} of ${ofAll} samples: ${measurement}\n`);
    },
    end: () => undefined,
  };
}
