/**
 * Presses the button of a panel that has the key as `aria-keyshortcuts`. Keys count only where the panel has the focus,
 * and not in its fields.
 */
export function pressShortcut(panel: HTMLElement, event: KeyboardEvent): void {
  const { target, key, ctrlKey, metaKey, altKey } = event;
  const isField = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
  if (ctrlKey || metaKey || altKey || isField) return;
  const pressed = panel.querySelector<HTMLButtonElement>(`button[aria-keyshortcuts="${CSS.escape(key)}"]`);
  if (pressed === null) return;
  event.preventDefault();
  pressed.click();
}
