// The connection of a live log: says how it stands, and ends when the server says that it is over.
export function connect(tail, take, say) {
  const source = new EventSource(`${tail.dataset.tail}?after=${tail.dataset.after}`);

  for (const kind of ["log", "run"]) source.addEventListener(kind, (event) => take(kind, JSON.parse(event.data)));
  source.addEventListener("connected", () => say("live", "Connected"));
  source.addEventListener("waiting", () => say("deploying", "Fusebit does not answer; trying again…"));
  source.addEventListener("behind", () => say("deploying", "Too many lines at once: some were left out"));
  source.addEventListener("end", (event) => {
    source.close();
    say("failed", JSON.parse(event.data).reason || "The stream has ended");
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) say("failed", "The stream was refused: reload the page");
    else say("deploying", navigator.onLine ? "Connecting again…" : "You are offline; lines will follow");
  });
  window.addEventListener("pagehide", () => source.close());
}
