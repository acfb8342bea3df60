// Puts one sentence where the person looks, as text.
export function say(place, words, { kind = "problem", link } = {}) {
  const notice = document.createElement("div");
  notice.className = "notice";
  notice.dataset.kind = kind;
  if (kind === "problem") notice.setAttribute("role", "alert");
  const line = document.createElement("p");
  line.append(words);
  if (link) {
    const [label, href, hook] = link;
    const anchor = document.createElement("a");
    anchor.textContent = label;
    anchor.href = href;
    if (hook) anchor.dataset[hook] = "";
    else anchor.target = "_blank";
    line.append(" ", anchor);
  }
  notice.append(line);
  document.querySelector(place).replaceChildren(notice);
}
