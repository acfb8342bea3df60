// The list of runs: copies a link to what is shown, and does not replace rows under the reader's hands.
document.documentElement.dataset.js = "";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy-address]");
  if (!button) return;
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Copy the address above";
  }
  setTimeout(() => (button.textContent = label), 1500);
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const rows = event.target.closest("#run-rows");
  if (rows && (rows.contains(document.activeElement) || document.hidden)) event.preventDefault();
});
