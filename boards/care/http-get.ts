/** A TCP connection of the platform. */
export interface Connection {
  write(bytes: Uint8Array): void;
  /** Nothing is called any more after it. */
  close(): void;
}

/** What a connection tells. */
export interface ConnectionHandlers {
  onConnected(): void;
  onBytes(bytes: Uint8Array): void;
  /** The other end closed, or something went wrong. */
  onClosed(): void;
}

/** Opens a TCP connection. @param address dotted IPv4 address */
export type Connect = (address: string, port: number, handlers: ConnectionHandlers) => Connection;

/** What a download tells: any number of `onBody`, then one of the others. */
export interface DownloadHandlers {
  onBody(bytes: Uint8Array): void;
  /** All bytes arrived. */
  onComplete(): void;
  /** The connection is closed, and nothing else is called. */
  onFailed(problem: string): void;
}

/** Where a URL leads. */
export interface HttpTarget {
  address: string;
  port: number;
  path: string;
}

const URL_CHARACTERS_MAX = 128;
const HEAD_BYTES_MAX = 1024;

/** Reads a URL such as "http://192.168.0.10:8080/node.bin"; undefined if it is none with an IPv4 address. */
export function parseUrl(url: string): HttpTarget | undefined {
  if (url.length > URL_CHARACTERS_MAX) return undefined;
  const parts = /^http:\/\/(\d{1,3}(?:\.\d{1,3}){3})(?::(\d{1,5}))?(\/[!-~]*)?$/.exec(url);
  if (parts === null || parts[1].split(".").some((part) => Number(part) > 255)) return undefined;
  const port = parts[2] === undefined ? 80 : Number(parts[2]);
  return port > 0 && port < 65536 ? { address: parts[1], port, path: parts[3] ?? "/" } : undefined;
}

/**
 * Gets a file of known length by HTTP/1.0. Whatever does not end in exactly that many bytes has failed: another status
 * than 200, another length, a head of more than 1,024 bytes, a coding such as "chunked".
 *
 * @param bytes length of the file
 * @returns a function that ends the download without a call of its handlers
 */
export function httpGet(
  target: HttpTarget, bytes: number, connect: Connect, handlers: DownloadHandlers,
): () => void {
  let head = "";
  let isBody = false;
  let received = 0;
  let isOpen = true;

  const close = (): void => {
    isOpen = false;
    connection.close();
  };
  const fail = (problem: string): void => {
    if (!isOpen) return;
    close();
    handlers.onFailed(problem);
  };
  const body = (part: Uint8Array): void => {
    if (part.length === 0) return;
    received += part.length;
    if (received > bytes) return fail(`has more than ${bytes} bytes`);
    handlers.onBody(part);
    if (!isOpen || received < bytes) return;
    close();
    handlers.onComplete();
  };
  const receive = (part: Uint8Array): void => {
    if (!isOpen) return;
    if (isBody) return body(part);
    for (let i = 0; i < part.length; i++) {
      head += String.fromCharCode(part[i]);
      if (!head.endsWith("\r\n\r\n")) {
        if (head.length < HEAD_BYTES_MAX) continue;
        return fail("has a head that is too long");
      }
      const problem = headProblem(head, bytes);
      if (problem !== "") return fail(problem);
      isBody = true;
      head = "";
      return body(part.subarray(i + 1));
    }
  };

  const connection = connect(target.address, target.port, {
    onConnected: () => {
      const { address, port, path } = target;
      const request = `GET ${path} HTTP/1.0\r\nHost: ${address}:${port}\r\nConnection: close\r\n\r\n`;
      connection.write(Uint8Array.from(request, (character) => character.charCodeAt(0)));
    },
    onBytes: receive,
    onClosed: () => fail(`ended after ${received} of ${bytes} bytes`),
  });
  return close;
}

/** What is wrong with the head of an answer; "" if nothing. */
function headProblem(head: string, bytes: number): string {
  const status = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(head);
  if (status === null) return "is no HTTP";
  if (status[1] !== "200") return `has the status ${status[1]}`;
  if (/\r\n(?:transfer|content)-encoding:/i.test(head)) return "is coded";
  const length = /\r\ncontent-length: *(\d{1,10}) *\r\n/i.exec(head);
  return length === null || Number(length[1]) === bytes ? "" : `has ${length[1]} bytes, not ${bytes}`;
}
