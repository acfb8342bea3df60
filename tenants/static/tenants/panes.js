// The line between code and panels: dragged, moved with the arrow keys, and remembered.
const KEY = "panes:side";
const [LEAST, MOST, STEP] = [300, 900, 24];

export function panes(bench) {
  const line = bench.querySelector("[data-pane-line]");
  const set = (width) => {
    const fits = Math.max(LEAST, Math.min(width, MOST, bench.clientWidth - 360));
    bench.style.setProperty("--side", `${fits}px`);
    line.setAttribute("aria-valuenow", String(Math.round(fits)));
    return fits;
  };
  const keep = (width) => {
    try {
      localStorage.setItem(KEY, String(Math.round(width)));
    } catch {
      // Not remembered, but it holds for this page.
    }
  };
  const now = () => bench.querySelector(".side").getBoundingClientRect().width;
  const kept = Number(localStorage.getItem(KEY));
  if (kept) set(kept);
  else line.setAttribute("aria-valuenow", String(Math.round(now())));
  line.setAttribute("aria-valuemin", String(LEAST));
  line.setAttribute("aria-valuemax", String(MOST));

  line.addEventListener("pointerdown", (event) => {
    line.setPointerCapture(event.pointerId);
    const move = ({ clientX }) => set(bench.getBoundingClientRect().right - clientX);
    line.addEventListener("pointermove", move);
    line.addEventListener("lostpointercapture", () => {
      line.removeEventListener("pointermove", move);
      keep(now());
    }, { once: true });
  });
  line.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key];
    if (!step) return;
    event.preventDefault();
    keep(set(now() + step));
  });
}
