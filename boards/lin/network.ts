import Timer from "timer";

/** The simulator uses the computer's network, which is already connected. It does not notice when that is lost. */
export function joinNetwork(onJoined: () => void, _onLost: () => void): void {
  Timer.set(onJoined);
}
