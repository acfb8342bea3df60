// Save, Run and the list of keys; nothing here takes a key away from a field.
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

export function keys() {
  for (const key of document.querySelectorAll("[data-mod]")) key.textContent = `${isMac ? "⌘" : "Ctrl "}${key.dataset.mod}`;
  const dialog = document.querySelector("#keys");
  document.querySelector("[data-keys-open]").addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

  // Capturing, because the editor would otherwise be asked first.
  document.addEventListener("keydown", (event) => pressed(event, dialog), { capture: true });
}

function pressed(event, dialog) {
  const isMod = isMac ? event.metaKey : event.ctrlKey;
  if (isMod && !event.altKey && event.key.toLowerCase() === "s") press(event, "[data-save]");
  else if (isMod && event.key === "Enter") press(event, "[data-run]");
  else if (event.key === "?" && !isTyping(event) && !dialog.open) dialog.showModal();
}

function press(event, hook) {
  event.preventDefault();
  event.stopPropagation();
  document.querySelector(hook)?.click();
}

function isTyping(event) {
  const target = event.composedPath()[0];
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}
