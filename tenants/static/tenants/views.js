// On a narrow screen code and panels take turns; running shows the answer.
export function views(bench) {
  const show = (view) => {
    bench.dataset.view = view;
    for (const button of bench.querySelectorAll("[data-view-of]")) button.setAttribute("aria-pressed", String(button.dataset.viewOf === view));
  };
  bench.addEventListener("click", (event) => {
    const button = event.target.closest("[data-view-of]");
    if (button) show(button.dataset.viewOf);
    else if (event.target.closest("[data-run]")) show("side");
    else if (event.target.closest(".file-list, #outcome button")) show("code");
  });
  if (["#test", "#runs", "#versions"].includes(location.hash)) show("side");
}
