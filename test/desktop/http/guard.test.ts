import assert from "node:assert/strict";
import { isLoopback, parseHttpAddress, parseToken } from "../../../desktop/http/guard.js";

describe("the address of --http", () => {
  it("has an address, a port, or both", () => {
    const right: [string, string, number][] = [
      ["127.0.0.1:8600", "127.0.0.1", 8600], ["127.0.0.2", "127.0.0.2", 8600], ["0.0.0.0:80", "0.0.0.0", 80],
      ["9000", "127.0.0.1", 9000], [":9000", "127.0.0.1", 9000], ["::1", "::1", 8600], ["[::1]:9000", "::1", 9000],
    ];
    for (const [text, address, port] of right) assert.deepEqual(parseHttpAddress(text), { address, port }, text);
    for (const text of ["", ":", "localhost", "localhost:80", "1.2.3:4", "127.0.0.1:", "127.0.0.1:0", "65536", "[::1]",
      "[1.2.3.4]:5", "1.2.3.4:5:6", "-1", "8600x"]) {
      assert.throws(() => parseHttpAddress(text), { message: /is no IP address, port 1 to 65535, or both/ }, text);
    }
  });

  it("needs a token, unless only this computer reaches it", () => {
    for (const address of ["127.0.0.1", "127.9.9.9", "::1"]) assert.ok(isLoopback(address), address);
    for (const address of ["0.0.0.0", "::", "10.0.0.1", "::ffff:127.0.0.1"]) assert.ok(!isLoopback(address), address);
  });

  it("the error of a token does not show it", () => {
    assert.equal(parseToken(` ${"a1".repeat(32)}\n`), "a1".repeat(32));
    for (const text of ["", "short", "a".repeat(257), "with a space in it 1234", "secret\nsecret-secret"]) {
      assert.throws(() => parseToken(text), ({ message }: Error) => {
        return message.startsWith("is not a token: 16 to 256 ") && !message.includes("secret");
      }, text);
    }
  });
});
