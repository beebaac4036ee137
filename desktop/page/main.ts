import { Api } from "./api.js";
import { Connection } from "./connection.js";
import { Details } from "./details.js";
import { Events } from "./events.js";
import { FeedMatrix } from "./feed-matrix.js";
import { Graph } from "./graph.js";
import { NodeTable } from "./node-table.js";
import { startPanels } from "./panels.js";
import { Store } from "./store.js";
import { Summary } from "./summary.js";
import { startTheme } from "./theme.js";
import { Traffic } from "./traffic.js";
import { startWriting } from "./write.js";

const CLOCK_MS = 1000;

const store = new Store();
const api = new Api();
startTheme(store);
new Summary(store);
const graph = new Graph(store);
const events = new Events(store);
new Details(store, api, (author) => events.filterAuthor(author));
new NodeTable(store);
new Traffic(store);
new FeedMatrix(store);
startWriting(store, api);
const connection = new Connection(api, store);
startPanels({ store, api, connection, graph });
// Texts such as "12s" grow old.
setInterval(() => store.changed("clock"), CLOCK_MS);
void connection.start();
