/** Node.js: `Gossip` with its platform built in, and the parts of that platform. */
export { FileLog, type FileLogOptions } from "./file-log.js";
export { FileStorage, type FileStorageOptions } from "./file-storage.js";
export { Gossip, type NodeGossipOptions } from "./gossip.js";
export { nodeDigest } from "./node-digest.js";
export { nodeClock, nodePlatform } from "./node-platform.js";
export { nodeSealing } from "./node-sealing.js";
export { newSecret, nodeIdentity, nodeVerify } from "./node-signing.js";
export { NodeSocket } from "./node-socket.js";
export { MemoryLog, type MemoryLogOptions, PowerLossError } from "../../src/platform/memory-log.js";
export { MemoryStorage } from "../../src/platform/memory-storage.js";
export {
  ADMISSION_TOPIC, type Admission, AdmissionList, type AdmissionListOptions, type IgnoredAdmissions, NO_END_MS,
  NO_LIMIT, type SignedAdmission, isRevocation, readAdmission, signAdmission,
} from "../../src/signing/owner.js";
