// What src/platform/moddable-web.ts uses of a module that the SDK's typings include, but the package @moddable/typings
// does not yet.

declare module "embedded:network/http/server" {
  import type Listener from "embedded:io/socket/listener";

  export interface HTTPRequest {
    method: string;
    path: string;
    headers: Map<string, string>;
  }

  export interface HTTPResponse {
    status: number;
    headers: Map<string, string | number>;
  }

  export interface HTTPConnection {
    accept(handlers: {
      onRequest(request: HTTPRequest): void;
      onResponse(response: HTTPResponse): void;
      onWritable(count: number): void;
      onDone(): void;
      onError(): void;
    }): void;
    respond(response: HTTPResponse): void;
    write(bytes: Uint8Array): number;
    close(): void;
  }

  export default class HTTPServer {
    constructor(options: { io: typeof Listener; port?: number; onConnect(connection: HTTPConnection): void });
    close(): void;
    readonly port: number;
  }
}
