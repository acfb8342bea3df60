// Comes back to the file and the cursor of the last visit.
export function rememberPlace(form, files) {
  const key = `place:${form.dataset.function}`;
  const kept = JSON.parse(localStorage.getItem(key) ?? "null");
  if (kept) files.open(kept.path, { offset: kept.offset });
  window.addEventListener("pagehide", () => {
    try {
      localStorage.setItem(key, JSON.stringify(files.place()));
    } catch {
      // Full or forbidden: the next visit begins at the top.
    }
  });
}
