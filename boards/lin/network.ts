import Timer from "timer";

/** The simulator uses the computer's network, which is already connected. */
export function joinNetwork(onJoined: () => void): void {
  Timer.set(onJoined);
}
