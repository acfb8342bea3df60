// While a save is under way, shows how far the deployment is; a build with dependencies takes its time.
const EVERY_MS = 1000;

export function progress(form) {
  const place = document.querySelector("[data-progress]");
  let timer;
  const look = async () => {
    const answer = await fetch(place.dataset.progress, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!timer || !answer?.ok || answer.redirected) return;
    const text = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("pre")?.textContent ?? "";
    place.hidden = !text;
    place.querySelector("pre").textContent = text;
  };
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
    place.hidden = true;
  };
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt === form && !timer) timer = setInterval(look, EVERY_MS);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt === form) stop();
  });
}
