// The button in the header: system → light → dark → system.
const ORDER = ["system", "light", "dark"];
const ICONS = { system: "◐", light: "☀", dark: "☾" };
const root = document.documentElement;

function current() {
  return root.dataset.theme ?? "system";
}

function show(button) {
  button.setAttribute("aria-label", `Theme: ${current()}`);
  button.title = `Theme: ${current()}`;
  button.querySelector("[data-theme-icon]").textContent = ICONS[current()];
}

function choose(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // Not remembered, but it holds for this page.
  }
  document.dispatchEvent(new CustomEvent("themechange"));
}

for (const button of document.querySelectorAll("[data-theme-switch]")) {
  show(button);
  button.addEventListener("click", () => {
    choose(ORDER[(ORDER.indexOf(current()) + 1) % ORDER.length]);
    show(button);
  });
}

// A menu closes when the focus or a click goes elsewhere.
for (const menu of document.querySelectorAll("details.menu")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
