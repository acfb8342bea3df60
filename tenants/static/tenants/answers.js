// Marks the lines of an answer that were not in the answer before it. Everything stays text.
export function showDifferences() {
  let before = null;
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "result") return;
    const body = document.querySelector("#body");
    if (!body || body.dataset.compared === "") return;
    const lines = body.textContent.split("\n");
    if (before) body.replaceChildren(...lines.map((text, at) => line(at < lines.length - 1 ? `${text}\n` : text, before.has(bare(text)))));
    body.dataset.compared = "";
    before = new Set(lines.map(bare));
  });
}

// In JSON a line also changes its comma when another one comes after it.
function bare(text) {
  return text.replace(/,$/, "");
}

function line(text, isOld) {
  const span = document.createElement("span");
  span.className = "line";
  if (!isOld) span.dataset.kind = "added";
  span.textContent = text;
  return span;
}
