// Comes back to the file and the cursor of the last visit, or goes where the address says.
export function rememberPlace(form, files) {
  const key = `place:${form.dataset.function}`;
  const kept = JSON.parse(localStorage.getItem(key) ?? "null");
  const asked = new URLSearchParams(location.search);
  if (asked.has("file")) {
    files.open(asked.get("file"), { line: Number(asked.get("line")) || 1, column: Number(asked.get("column")) || 1 });
    files.focus();
    history.replaceState(null, "", location.pathname + location.hash); // a reload stays where the person went on
  } else if (kept) files.open(kept.path, { offset: kept.offset });
  window.addEventListener("pagehide", () => {
    try {
      localStorage.setItem(key, JSON.stringify(files.place()));
    } catch {
      // Full or forbidden: the next visit begins at the top.
    }
  });
}
