import { createHash } from "node:crypto";
import {
  chmodSync, lstatSync, mkdirSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync,
} from "node:fs";
import { createConnection } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";

/** The name of the socket in a storage folder. */
const SOCKET_NAME = "control.sock";
/** A Unix socket's path has room for 103 bytes on macOS, 107 on Linux. */
const PATH_BYTES_MAX = 100;
const SYSTEM_BYTES_MAX = process.platform === "linux" ? 107 : 103;
const CONNECT_MS = 2000;
/** Nodes of one user that are looked at, to find the one that is meant. */
const NODES_MAX = 256;
const PIPES = "\\\\.\\pipe\\";
const isWindows = process.platform === "win32";

/** A node that runs, or ran, as it noted itself in the runtime folder. */
export interface NodeNote {
  pid: number;
  socket: string;
  /** Its storage folder; missing when it has none. */
  storage?: string;
}

/**
 * Node.js 20 cuts a path that is too long for a socket, without an error: then a node would listen, and a command ask,
 * at another path than the given one.
 *
 * @throws Error
 */
export function checkPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (isWindows || bytes <= SYSTEM_BYTES_MAX) return;
  throw new Error(`${path} has ${bytes} bytes, and the path of a socket at most ${SYSTEM_BYTES_MAX}`);
}

export function isPipe(path: string): boolean {
  return path.startsWith(PIPES);
}

/**
 * The socket of a node with a storage: `control.sock` in the folder. If that path is too long for a socket, it is in
 * the runtime folder, named by a hash of the path.
 */
export function storageSocket(folder: string): string {
  const path = resolve(folder, SOCKET_NAME);
  if (!isWindows && Buffer.byteLength(path) <= PATH_BYTES_MAX) return path;
  return namedSocket(`storage-${hash(realpath(folder))}`);
}

/** The socket of a node without a storage: by its address and port. */
export function portSocket(address: string, port: number): string {
  return namedSocket(`${address}-${port}`);
}

/** @throws Error when the runtime folder is not of this user alone */
function namedSocket(name: string): string {
  if (isWindows) return `${PIPES}chisme-${name}`;
  return join(runtimeFolder(), `${name}.sock`);
}

/**
 * The folder in which the nodes of this user note themselves: `chisme` in XDG_RUNTIME_DIR, otherwise `chisme-` and the
 * user in the folder of temporary files. Makes it, open to this user only.
 *
 * @throws Error when others can write there, who could pass themselves off as a node
 */
export function runtimeFolder(): string {
  const { XDG_RUNTIME_DIR } = process.env;
  const user = process.getuid?.() ?? userInfo().username;
  const folder = XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, "chisme") : join(tmpdir(), `chisme-${user}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (isWindows) return folder;
  const { uid, mode } = lstatSync(folder);
  if (!lstatSync(folder).isDirectory() || uid !== user) throw new Error(`${folder} is not a folder of this user`);
  if ((mode & 0o077) !== 0) chmodSync(folder, 0o700);
  return folder;
}

/** Notes the node of this process, so that commands find it. Removes the notes of nodes that are gone. */
export async function noteNode(note: NodeNote): Promise<void> {
  // A node that was killed had the same socket, if it had the same storage, or address and port.
  for (const { pid, socket } of await notedNodes()) if (socket === note.socket) removeNote(pid);
  writeFileSync(notePath(note.pid), `${JSON.stringify(note)}\n`, { mode: 0o600 });
}

export function removeNote(pid: number): void {
  rmSync(notePath(pid), { force: true });
}

/** The nodes of this user that run. The first 256 notes count. */
export async function notedNodes(): Promise<NodeNote[]> {
  const folder = runtimeFolder();
  const names = readdirSync(folder).filter((name) => /^\d+\.json$/.test(name)).slice(0, NODES_MAX);
  const found = await Promise.all(names.map(async (name) => {
    const note = readNote(join(folder, name));
    if (note === undefined) {
      // Killed while it wrote the note, a node leaves a part of it.
      const pid = parseInt(name, 10);
      if (!isAlive(pid)) removeNote(pid);
      return [];
    }
    if (await isServed(note.socket)) return [note];
    // A node that stands still may not answer, and keeps its note.
    if (!isAlive(note.pid)) clear(folder, note);
    return [];
  }));
  return found.flat();
}

/** Whether a process listens on a path. */
export function isServed(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = createConnection(path);
    const end = (served: boolean): void => {
      socket.destroy();
      done(served);
    };
    socket.setTimeout(CONNECT_MS, () => end(false));
    socket.on("connect", () => end(true));
    // EAGAIN: it listens, and many others wait, too.
    socket.on("error", (error: NodeJS.ErrnoException) => end(error.code === "EAGAIN" || error.code === "EACCES"));
  });
}

function clear(folder: string, { pid, socket }: NodeNote): void {
  removeNote(pid);
  // Another node may have its socket in a storage folder by now; that one is replaced when it is needed.
  if (resolve(socket, "..") === resolve(folder)) rmSync(socket, { force: true });
}

function readNote(path: string): NodeNote | undefined {
  try {
    const { pid, socket, storage } = JSON.parse(readFileSync(path, "utf8")) as Partial<Record<string, unknown>>;
    if (typeof pid !== "number" || typeof socket !== "string") return undefined;
    return { pid, socket, ...typeof storage === "string" && { storage } };
  } catch {
    // It is being written, or was removed.
    return undefined;
  }
}

function notePath(pid: number): string {
  return join(runtimeFolder(), `${pid}.json`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function realpath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return resolve(folder);
  }
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").substring(0, 16);
}
