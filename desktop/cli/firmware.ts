import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Command } from "commander";
import { parseEndpoint } from "../../src/checks.js";
import { formatAddress } from "../../src/engine/wire/address.js";
import { likelyAddress, places } from "../platform/interfaces.js";

const PORT = 8080;
/** What ESP-IDF's images begin with. */
const MAGIC = 0xe9;
const TOPIC = "firmware";
const MODEL_BYTES_MAX = 31;
/** A board that takes nothing for so long loses its connection, and tries again. */
const IDLE_MS = 30000;

/** `chisme firmware`. */
export function firmwareCommand(): Command {
  return new Command("firmware")
    .description("Serve an image by HTTP, and print the command that announces it to the boards of a model.")
    .argument("<model>", "model of the boards, as in their build: 1 to 31 bytes without spaces")
    .argument("<version>", "version of the image, such as 1.4.3: up to 4 numbers")
    .argument("<file>", "the image, such as xs_esp32.bin")
    .option("--listen <address[:port]>", "address that the boards reach, port 8080 (default: this computer's)")
    .addHelpText("after", "\nPipe it into a node of the network: "
      + "chisme firmware sensor 1.4.3 xs_esp32.bin \\\n  | chisme node --storage updater\n")
    .showHelpAfterError("(--help explains the arguments)")
    .action(async (model: string, version: string, file: string, { listen }: { listen?: string }) => {
      try {
        await serve(model, version, file, listen);
      } catch (error) {
        console.error(`error: ${(error as Error).message}`);
        process.exitCode = 1;
      }
    });
}

async function serve(model: string, version: string, file: string, listen: string | undefined): Promise<void> {
  if (!/^[^\s"]+$/.test(model) || Buffer.byteLength(model) > MODEL_BYTES_MAX) {
    throw new Error(`model: "${model}" is not of 1 to 31 bytes without spaces`);
  }
  if (!/^\d{1,5}(\.\d{1,5}){0,3}$/.test(version) || version.length > 16) {
    throw new Error(`version: "${version}" is not up to 4 numbers with dots, at most 16 characters`);
  }
  const image = readFileSync(file);
  if (image[0] !== MAGIC) throw new Error(`file: ${file} is no image of an ESP32`);
  const target: number[] = [];
  if (listen !== undefined) parseEndpoint("", "--listen", listen, PORT, target);
  const address = formatAddress(target[0] ?? likelyAddress(places()));
  const sha256 = createHash("sha256").update(image).digest("hex");
  const path = `/${sha256.slice(0, 16)}.bin`;
  const server = createServer((request, response) => {
    const isThere = request.method === "GET" && request.url === path;
    console.error(`${request.socket.remoteAddress} gets ${isThere ? "the image" : "nothing"}`);
    response.writeHead(isThere ? 200 : 404, { "Content-Length": isThere ? image.length : 0 });
    response.end(isThere ? image : "");
  });
  server.timeout = IDLE_MS;
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(target[1] ?? PORT, address, resolve);
  });
  const url = `http://${address}:${(server.address() as AddressInfo).port}${path}`;
  const announcement = JSON.stringify({ version, url, size: image.length, sha256 });
  console.log(`set ${TOPIC} ${model} ${announcement}`);
  console.error("The image is served until this program ends.");
}
