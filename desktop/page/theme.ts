import { byId } from "./dom.js";
import { lasting } from "./memory.js";
import type { Store } from "./store.js";

const THEMES = ["system", "light", "dark"];

/** The switch of the theme. "system" follows what the system prefers. */
export function startTheme(store: Store): void {
  const select = byId("theme") as HTMLSelectElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const apply = (): void => {
    const theme = select.value !== "system" ? select.value : prefersDark.matches ? "dark" : "light";
    document.documentElement.dataset.theme = theme;
    store.changed("theme");
  };
  const kept = lasting.get("theme") ?? "system";
  select.value = THEMES.includes(kept) ? kept : "system";
  apply();
  select.addEventListener("change", () => {
    lasting.set("theme", select.value);
    apply();
  });
  prefersDark.addEventListener("change", apply);
}
