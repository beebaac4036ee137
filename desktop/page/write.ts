import { type Api, ApiError } from "./api.js";
import { byId, element, setText } from "./dom.js";
import type { Store } from "./store.js";

interface Field {
  name: string;
  label: string;
  isValue?: boolean;
}

interface Action {
  action: string;
  title: string;
  fields: Field[];
}

const TOPIC: Field = { name: "topic", label: "Topic" };
const KEY: Field = { name: "key", label: "Key" };
const VALUE: Field = { name: "value", label: "Value", isValue: true };
const ACTIONS: Action[] = [
  { action: "push", title: "Share a value", fields: [VALUE] },
  { action: "withdraw", title: "Withdraw the value", fields: [] },
  { action: "log", title: "Log an event", fields: [TOPIC, VALUE] },
  { action: "set", title: "Set a value", fields: [TOPIC, KEY, VALUE] },
  { action: "remove", title: "Remove a value", fields: [TOPIC, KEY] },
];

/** What came of a request, for people. */
export async function outcomeOf(request: Promise<unknown>): Promise<{ isDone: boolean; text: string }> {
  try {
    await request;
    return { isDone: true, text: "Done." };
  } catch (error) {
    return { isDone: false, text: error instanceof ApiError ? error.message : "The node does not answer." };
  }
}

/** Forms that change the node. They are there only if the node lets its page write. */
export function startWriting(store: Store, api: Api): void {
  const section = byId("write");
  let isMade = false;
  store.subscribe(() => {
    const isWanted = store.canWrite && store.source === "node";
    if (isWanted && !isMade) {
      isMade = true;
      section.append(element("div", { class: "head" }, element("h2", { id: "write-title" }, "Change the node")),
        element("p", { class: "muted" }, "A value is JSON, otherwise text."),
        element("div", { class: "forms" }, ...ACTIONS.map((action) => formOf(action, api))));
    }
    section.hidden = !isWanted;
    byId("write-link").hidden = !isWanted;
  });
}

function formOf({ action, title, fields }: Action, api: Api): HTMLFormElement {
  const inputs = fields.map(({ name }) =>
    element("input", { id: `${action}-${name}`, name, required: true, autocomplete: "off" }));
  const outcome = element("p", { role: "status", class: "outcome" });
  const button = element("button", { type: "submit" }, title);
  const form = element("form", { id: `form-${action}`, "aria-label": title },
    ...fields.map(({ label }, at) => element("label", {}, `${label} `, inputs[at])), button, outcome);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const parameters = Object.fromEntries(fields.map(({ name, isValue }, at) =>
      [name, isValue ? valueOf(inputs[at].value) : inputs[at].value]));
    button.disabled = true;
    void outcomeOf(api.post("/v1/actions", { action, ...parameters })).then(({ isDone, text }) => {
      button.disabled = false;
      setText(outcome, text);
      outcome.classList.toggle("problem", !isDone);
    });
  });
  return form;
}

/** JSON, otherwise text. */
export function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
