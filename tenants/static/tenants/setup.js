// Has the page ask for what changed as soon as a step is written; without this it asks every second.

const place = document.querySelector("[data-ledger]");

if (place && window.EventSource) {
  const source = new EventSource(place.dataset.ledger);
  source.addEventListener("step", () => {
    document.body.dispatchEvent(new CustomEvent("ledger"));
  });
  source.addEventListener("end", () => {
    document.body.dispatchEvent(new CustomEvent("ledger"));
    source.close();
  });
  window.addEventListener("pagehide", () => source.close());
}
