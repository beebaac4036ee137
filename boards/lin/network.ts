import Timer from "timer";

/** The simulator uses the computer's own network, which is there. */
export function joinNetwork(onJoined: () => void): void {
  Timer.set(onJoined);
}
