// npm run -s measure:sites -- [SITES]: what one nats-server needs for so many readers that each read all of a stream.
import { readFileSync } from "node:fs";
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { writeMessage } from "../../../../desktop/gateway/sites/event-message.js";
import { identityOf, subjectOf } from "../../../../desktop/gateway/sites/subjects.js";
import { cleanUp } from "../../cli/node-process.js";
import { NatsServer, endNats, manage } from "./nats-server.js";

const SITES = Number(process.argv[2] ?? 300);
const EVENTS_EACH = 10;
const TICKS_PER_S = 100;
const STREAM = "chisme";

const server = await new NatsServer().start();
const rss = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1]) / 1024;
const cpuS = (): number => {
  const fields = readFileSync(`/proc/${server.pid}/stat`, "utf8").split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_S;
};
const { connection, manager } = await manage([server.url]);
await manager.streams.add({ name: STREAM, subjects: [`${STREAM}.>`] });
const rssEmpty = rss();
let delivered = 0;
const readers = [];
for (let site = 0; site < SITES; site++) {
  const reader = await connect({ servers: server.url });
  const api = await jetstreamManager(reader, { checkAPI: false });
  const { name } = await api.consumers.add(STREAM, {
    ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: 1, mem_storage: true,
    inactive_threshold: 600e9,
  });
  const consumer = await jetstream(reader).consumers.get(STREAM, name);
  await consumer.consume({ max_messages: 256, callback: () => void delivered++ });
  readers.push(reader);
}
const rssReaders = rss();
const publish = async (site: string): Promise<void> => {
  for (let sequence = 0; sequence < EVENTS_EACH; sequence++) {
    const event = {
      number: 1, site, author: 12345678, authorName: "greenhouse 3", generation: 0, sequence, counter: 0,
      timeMs: 1764000000000 + sequence, kind: "set" as const, topic: "temp", key: "north", ttlMs: 0,
      value: { c: 21.5, h: 40 }, storedMs: 0,
    };
    await jetstream(connection).publish(subjectOf(STREAM, event), writeMessage(event), { msgID: identityOf(event) });
  }
};
const [cpuBefore, startMs] = [cpuS(), performance.now()];
await Promise.all(Array.from({ length: SITES }, (_one, site) => publish(`site-${site}`)));
const publishedS = (performance.now() - startMs) / 1000;
const events = SITES * EVENTS_EACH;
const messages = events * SITES;
while (delivered < messages) await new Promise((resolve) => setTimeout(resolve, 50));
const seconds = (performance.now() - startMs) / 1000;
const { state } = await manager.streams.info(STREAM);
console.log(`sites                     ${SITES}, each with a connection and a consumer that reads all`);
console.log(`stored                    ${(events / publishedS).toFixed(0)} events a second, of all sites at once`);
console.log(`bytes of a stored event   ${(state.bytes / state.messages).toFixed(0)}`);
console.log(`delivered                 ${(messages / seconds).toFixed(0)} messages a second`);
const cpuUs = (cpuS() - cpuBefore) / messages * 1e6;
const readerKib = (rssReaders - rssEmpty) * 1024 / SITES;
console.log(`CPU of the server         ${cpuUs.toFixed(1)} µs for each message delivered`);
console.log(`memory of the server      ${rssEmpty.toFixed(0)} MiB, and ${readerKib.toFixed(0)} KiB for each reader`);
console.log(`memory at the end         ${rss().toFixed(0)} MiB`);
await Promise.all(readers.map((reader) => reader.close()));
await endNats();
await cleanUp();
