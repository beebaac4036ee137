import { resolve } from "node:path";
import { ControlServer } from "./control-server.js";
import type { ControlledNode } from "./methods.js";
import { noteNode, portSocket, removeNote, storageSocket } from "./socket-place.js";

/** Of the options of `chisme node`, those that say where its control socket is. */
export interface ControlSocketOptions {
  storage?: string;
  /** A path; "none": there is no socket. */
  socket?: string;
}

/** The control socket of a node in this process. Where it cannot be made, the node runs without it, and warns. */
export class ControlSocket {
  private readonly node: ControlledNode;
  private readonly options: ControlSocketOptions;
  private readonly warn: (message: string) => void;
  private server: ControlServer | undefined;
  private isClosed = false;

  constructor(node: ControlledNode, options: ControlSocketOptions, warn: (message: string) => void) {
    this.node = node;
    this.options = options;
    this.warn = warn;
  }

  /** @param address and port of the node, which name the socket of a node without a storage */
  async open(address: string, port: number): Promise<void> {
    const { socket, storage } = this.options;
    if (socket === "none") return;
    try {
      const path = socket !== undefined ? resolve(socket)
        : storage !== undefined ? storageSocket(storage) : portSocket(address, port);
      const server = await ControlServer.listen(this.node, path);
      // The node may have been stopped meanwhile.
      if (this.isClosed) {
        server.close();
        return;
      }
      this.server = server;
      await noteNode({
        pid: process.pid, socket: path, ...storage !== undefined && { storage: resolve(storage) },
      });
      if (this.isClosed) removeNote(process.pid);
    } catch (error) {
      if (!this.isClosed) this.warn(`--socket: ${(error as Error).message}; no command can ask this node`);
    }
  }

  close(): void {
    this.isClosed = true;
    if (this.server === undefined) return;
    this.server.close();
    try {
      removeNote(process.pid);
    } catch {
      // The runtime folder is gone, and the note with it.
    }
  }
}
