import { element } from "./dom.js";

let isSecond = false;

/** Asks for the token of the node, until one is given. */
export async function askToken(): Promise<string> {
  const input = element("input", {
    id: "token", type: "password", required: true, minlength: "16", maxlength: "256", autocomplete: "off",
  });
  const problem = element("p", { class: "problem", role: "alert" });
  if (isSecond) problem.textContent = "The node does not know this token.";
  isSecond = true;
  const form = element("form", { method: "dialog" },
    element("h2", { id: "token-title" }, "Token"),
    element("p", {}, "The node was started with --http-token-file. It shows itself to those who know this token."),
    problem,
    element("label", { for: "token" }, "Token"), input,
    element("button", { type: "submit", class: "primary" }, "Open"));
  const dialog = element("dialog", { class: "token", "aria-labelledby": "token-title" }, form);
  document.body.append(dialog);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => form.addEventListener("submit", (event) => {
    // A form would leave the page: the policy of the page allows none to.
    event.preventDefault();
    dialog.remove();
    resolve(input.value.trim());
  }));
}
