// Turns the panels beside the editor into tabs; without it they stand one below the other.
export function tabs() {
  const holder = document.querySelector("[data-tabs]");
  const panels = () => [...holder.querySelectorAll("[data-panel]")];
  const bar = document.createElement("div");
  bar.className = "tabs";
  bar.setAttribute("role", "tablist");
  bar.setAttribute("aria-label", "Beside the code");
  let chosen = panels()[0].id;

  for (const panel of panels()) {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `tab-${panel.id}`;
    tab.textContent = panel.dataset.panel;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panel.id);
    tab.addEventListener("click", () => choose(panel.id));
    bar.append(tab);
  }
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const ids = panels().map((panel) => panel.id);
    choose(ids[(ids.indexOf(chosen) + step + ids.length) % ids.length]);
    bar.querySelector("[aria-selected=true]").focus();
  });

  function choose(id) {
    chosen = id;
    show();
  }

  function show() {
    for (const panel of panels()) {
      const tab = bar.querySelector(`#tab-${panel.id}`);
      const isChosen = panel.id === chosen;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      panel.hidden = !isChosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
    }
  }

  holder.prepend(bar);
  document.addEventListener("htmx:oobAfterSwap", show); // a panel that was replaced starts plain
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-run]")) choose("test");
  });
  show();
}
