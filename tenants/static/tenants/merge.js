// Two people saved: shows both sides of each file that both changed, and makes what is kept the draft.
import { filesIn } from "./changes.js";

export function merging(form, files, changes) {
  const dialog = document.querySelector("#merge");
  const view = dialog.querySelector("[data-merge-view]");
  const left = dialog.querySelector("[data-merge-left]");
  const tabs = dialog.querySelector("[data-merge-tabs]");
  let merged = []; // [{path, kind, base, mine, theirs, merged}], texts undefined where there is no such file
  let current = null;

  document.addEventListener("click", async (event) => {
    if (!event.target.closest("[data-merge]")) return;
    await import("./editor/merge-view.js");
    merged = read();
    dialog.showModal();
    choose(merged.find((file) => file.kind === "clash") ?? merged[0]);
  });
  left.addEventListener("change", () => choose(current));
  dialog.querySelector("[data-merge-cancel]").addEventListener("click", () => dialog.close());
  dialog.querySelector("[data-merge-use]").addEventListener("click", use);

  function choose(file) {
    keep();
    current = file;
    tabs.replaceChildren(...merged.map(tab));
    const label = left.selectedOptions[0].textContent;
    view.show({
      path: file.path,
      left: { label: `${file.path}, ${label}`, text: file[left.value] ?? "" },
      right: { label: `${file.path}, what is kept`, text: file.merged ?? "" },
    });
  }

  function keep() {
    if (!current || !dialog.open) return;
    const text = view.text;
    if (text !== (current.merged ?? "")) current.merged = text;
  }

  function tab(file) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = file.path;
    button.dataset.kind = file.kind;
    button.setAttribute("role", "tab");
    button.setAttribute("aria-selected", String(file === current));
    button.addEventListener("click", () => {
      choose(file);
      tabs.querySelector("[aria-selected=true]").focus();
    });
    return button;
  }

  // The draft becomes what was put together, on top of their version; nothing is saved by this.
  function use() {
    keep();
    dialog.close();
    current = null;
    const now = new Map(filesIn(form));
    for (const file of merged) {
      if (file.merged === undefined) now.delete(file.path);
      else now.set(file.path, file.merged);
    }
    const conflict = document.querySelector("[data-conflict]");
    form.querySelector("#base-version").value = conflict.dataset.conflict;
    conflict.remove();
    files.replace([...now]);
    changes.failed("");
    form.dispatchEvent(new Event("input", { bubbles: true }));
    files.focus();
  }
}

function read() {
  return [...document.querySelectorAll("[data-merge-file]")].map((item) => {
    const file = { path: item.dataset.mergeFile, kind: item.dataset.kind };
    for (const area of item.querySelectorAll("[data-side]")) file[area.dataset.side] = area.value;
    return file;
  });
}
