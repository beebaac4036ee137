// npm run -s load:sites -- [EVENTS]: two sites, three nats-servers, one killed; what is lost, twice, out of order.
import { runLoad } from "./load.js";
import { endSites } from "./site.js";

const result = await runLoad(Number(process.argv[2] ?? 100000), (line) => console.error(line));
console.log(`events               ${result.events}, at two gateways of each of two sites`);
console.log(`lost                 ${result.lost}`);
console.log(`twice                ${result.twice}`);
console.log(`out of order         ${result.reordered}`);
const { seconds, messages, bytes } = result;
console.log(`time                 ${seconds.toFixed(1)} s: ${(result.events / seconds).toFixed(0)} events a second`);
console.log(`stream               ${messages} messages, ${(bytes / messages).toFixed(0)} bytes each`);
for (const line of result.warnings) console.log(line);
await endSites();
process.exit(result.lost + result.twice + result.reordered === 0 ? 0 : 1);
