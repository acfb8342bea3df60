// Keeps unsaved files in this tab until they are saved, so that a reload or an expired sign-in loses nothing.
import { filesIn } from "./changes.js";
import { say } from "./say.js";

const WAIT_MS = 300;

export function rememberDrafts(form, files, changes) {
  const key = `draft:${form.dataset.function}`;
  const base = () => form.querySelector("#base-version");
  let timer;

  function keep() {
    clearTimeout(timer);
    if (form.dataset.discarding !== undefined) return;
    if (changes.isDirty()) store(key, JSON.stringify({ base: base().value, files: filesIn(form) }));
    else sessionStorage.removeItem(key);
  }

  function restore() {
    const kept = JSON.parse(sessionStorage.getItem(key) ?? "null");
    if (!kept || JSON.stringify(kept.files) === JSON.stringify(filesIn(form))) return;
    files.replace(kept.files);
    base().value = kept.base; // when somebody saved meanwhile, saving shows the conflict
    changes.show();
    say("#outcome", "Your unsaved draft is back.", { kind: "info", link: ["Discard it", location.pathname, "discard"] });
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-discard]")) return;
    form.dataset.discarding = "";
    clearTimeout(timer);
    sessionStorage.removeItem(key);
  });
  // A conflict page that came from a plain form already holds what was typed.
  if (!document.querySelector("[data-conflict]")) restore();
  form.addEventListener("changes", () => {
    clearTimeout(timer);
    timer = setTimeout(keep, WAIT_MS);
  });
  window.addEventListener("pagehide", keep);
}

function store(key, text) {
  try {
    sessionStorage.setItem(key, text);
  } catch {
    sessionStorage.removeItem(key); // full: the unsaved guard still asks
  }
}
