// A save that cannot reach the site waits and is sent as soon as it can; a banner says so.
const AGAIN_MS = 5000;

export function offline(form) {
  const banner = document.querySelector("[data-offline]");
  let waits = false;
  let timer;

  const show = () => {
    banner.hidden = navigator.onLine && !waits;
    banner.textContent = waits
      ? "The site cannot be reached. Your save waits here and is sent by itself; keep this tab open."
      : "You are offline. You can go on typing; saving waits until you are back.";
  };
  const again = () => {
    clearTimeout(timer);
    if (waits) form.requestSubmit(document.querySelector("[data-save]"));
  };
  document.addEventListener("htmx:sendError", (event) => {
    if (event.detail.elt !== form) return;
    waits = true;
    timer = setTimeout(again, AGAIN_MS);
    show();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt !== form || !event.detail.xhr.status) return;
    waits = false;
    clearTimeout(timer);
    show();
  });
  window.addEventListener("online", () => {
    show();
    again();
  });
  window.addEventListener("offline", show);
  show();
}
