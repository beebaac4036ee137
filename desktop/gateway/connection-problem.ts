/** As in "803C…:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../deps/openssl/…: ". */
const OF_OPENSSL = /:error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]+):/;

/** What is wrong with a connection, without OpenSSL's places in its own code. */
export function connectionProblem(message: string): string {
  const reason = OF_OPENSSL.exec(message)?.[1];
  return reason === undefined ? message : `TLS: ${reason}`;
}
