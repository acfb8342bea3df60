// What happens around htmx's requests: the CSRF token of now, the pill while saving, and words when one fails.
import { say } from "./say.js";

const EXPIRED = "Your sign-in has expired. Nothing is lost: sign in in the new tab, come back and try again.";
const OFFLINE = "The site cannot be reached. Nothing is lost: try again when you are online.";

export function requests(form, changes) {
  const placeOf = (event) => (event.detail.elt.closest("#call") ? "#result" : "#outcome");
  const isSave = (event) => event.detail.elt === form;

  document.addEventListener("htmx:configRequest", (event) => {
    // htmx misses a button that stands outside its form.
    const submitter = event.detail.triggeringEvent?.submitter;
    if (submitter?.name) event.detail.parameters.set(submitter.name, submitter.value);
    const token = document.cookie.match(/(?:^|; )onboarding_csrf=([^;]+)/)?.[1];
    if (token && event.detail.verb !== "get") event.detail.parameters.set("csrfmiddlewaretoken", token);
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isSave(event)) changes.saving();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, pathInfo } = event.detail;
    if (new URL(xhr.responseURL).pathname === new URL(pathInfo.requestPath, location.href).pathname) return;
    event.detail.shouldSwap = false;
    if (isSave(event)) changes.failed("failed");
    say(placeOf(event), EXPIRED, { link: ["Sign in", "/"] });
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!isSave(event)) return;
    const { status, responseURL } = event.detail.xhr;
    const isRedirected = responseURL && new URL(responseURL).pathname !== location.pathname;
    if (status === 200 && !isRedirected) {
      changes.saved();
      form.elements.message.value = ""; // it was about this save, not about the next
    } else changes.failed(status === 412 ? "conflict" : "failed");
  });
  document.addEventListener("htmx:sendError", (event) => {
    if (!isSave(event)) say(placeOf(event), OFFLINE); // a save waits; offline.js says so
  });
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = event.detail;
    const reference = xhr.getResponseHeader("X-Request-Id");
    say(placeOf(event), sentence(xhr.status) + (reference ? ` Reference ${reference}.` : ""));
  });
}

function sentence(status) {
  if (status === 403) return "You may not do this, or your sign-in has changed. Reload the page; your draft is kept.";
  if (status === 404) return "This function is not there any more.";
  if (status === 400 || status === 413) return "The site could not take this. All files together may have 400 KB.";
  return "Something went wrong on our side. Nothing of yours is lost: try again.";
}
