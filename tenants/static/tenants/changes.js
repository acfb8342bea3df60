// Knows whether the files differ from what was saved last, says so in the pill, and asks before the page is left.
const WORDS = { draft: "Draft", saving: "Saving…", conflict: "Conflict", failed: "Not saved" };

export function filesIn(form) {
  const paths = [...form.querySelectorAll("[name=path]")].map((input) => input.value.trim());
  const texts = [...form.querySelectorAll("[name=content]")].map((area) => area.value);
  return paths.map((path, number) => [path, texts[number]]);
}

export function watchForChanges(form) {
  let saved = JSON.stringify(filesIn(form));
  let sent = saved;
  let trouble = "";
  const isDirty = () => JSON.stringify(filesIn(form)) !== saved;

  function show() {
    const pill = document.querySelector("#state");
    const now = trouble || (isDirty() ? "draft" : "");
    const words = now ? WORDS[now] : pill.dataset.label;
    if (pill.textContent !== words) pill.textContent = words;
    pill.toggleAttribute("data-now", Boolean(now));
    if (now) pill.dataset.now = now;
    form.closest("[data-workbench]").toggleAttribute("data-dirty", isDirty());
    form.dispatchEvent(new CustomEvent("changes", { detail: { isDirty: isDirty() } }));
  }

  form.addEventListener("input", () => {
    if (trouble !== "saving") trouble = "";
    show();
  });
  window.addEventListener("beforeunload", (event) => {
    if (isDirty() && form.dataset.discarding === undefined) event.preventDefault();
  });
  document.addEventListener("htmx:afterSettle", show);
  show();

  return {
    isDirty,
    show,
    saving() {
      sent = JSON.stringify(filesIn(form));
      trouble = "saving";
      show();
    },
    saved() {
      saved = sent;
      trouble = "";
      show();
    },
    failed(how) {
      trouble = how;
      show();
    },
  };
}
