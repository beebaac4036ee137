// npm run -s bench:gateway -- [EVENTS]: how fast a gateway stores events, beside the same inserts by hand.
import { measureGateway } from "./gateway-database.js";

const events = Number(process.argv[2] ?? 1000000);
const { byHand, byGateway, ratio, rssAfterTenth, rssAfterAll } = await measureGateway(events);
const mebibytes = (bytes: number): string => `${(bytes / 1048576).toFixed(0)} MiB`;
console.log(`events              ${events}`);
console.log(`by hand             ${byHand.toFixed(0)} a second`);
console.log(`by the gateway      ${byGateway.toFixed(0)} a second, ${ratio.toFixed(2)} times as fast`);
console.log(`resident memory     ${mebibytes(rssAfterTenth)} after a tenth, ${mebibytes(rssAfterAll)} after all`);
