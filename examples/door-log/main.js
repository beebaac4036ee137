import { moddableDigest } from "chisme/platform/moddable-digest";
import { watchContact } from "contact";
import { whenJoined } from "node";
import { logDoor, startDoorLog } from "./app.js";

whenJoined((options) => {
  const gossip = startDoorLog({ ...options, digest: moddableDigest() }, (text) => trace(`${text}\n`));
  watchContact((isClosed) => logDoor(gossip, !isClosed));
  return gossip;
});
