import type { Api } from "./api.js";
import type { Connection } from "./connection.js";
import type { Graph } from "./graph.js";
import type { Store } from "./store.js";

/** What a panel works with. */
export interface PageParts {
  store: Store;
  api: Api;
  connection: Connection;
  graph: Graph;
}
