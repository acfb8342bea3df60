// What can be done with the file that is open: indent it, and see what is wrong with it.
export function tools(form, files) {
  const list = form.querySelector("[data-problems-list]");
  if (!list) return;
  form.querySelector("[data-reindent]").addEventListener("click", () => {
    files.editor().reindent();
    files.focus();
  });
  list.addEventListener("click", () => files.editor().listProblems());
  form.addEventListener("problems", count);
  document.addEventListener("fileopened", count);

  function count() {
    const found = files.editor().problems.length;
    list.hidden = !found;
    list.textContent = `${found} problem${found > 1 ? "s" : ""}`;
  }
}
