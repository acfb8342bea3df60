// The list of files: one editor is shown at a time; add, rename and delete change the form that is saved.
export function fileList(form) {
  const holder = form.querySelector("[data-files]");
  const template = document.querySelector("#new-file");
  const mayWrite = Boolean(document.querySelector("[data-save]"));
  const nav = document.createElement("nav");
  const list = document.createElement("ul");
  nav.className = "file-list";
  nav.setAttribute("aria-label", "Files");
  list.setAttribute("role", "list");
  nav.append(list);
  if (mayWrite) nav.append(addButton());
  form.prepend(nav);

  const all = () => [...holder.querySelectorAll("[data-file]")];
  const pathOf = (file) => file.querySelector("[name=path]").value.trim();
  let current = all()[0];

  function draw() {
    list.replaceChildren(...all().map(item));
    for (const file of all()) file.hidden = file !== current;
  }

  function item(file) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = pathOf(file) || "(no name)";
    if (file === current) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => {
      const at = all().indexOf(file);
      open(file);
      list.children[at]?.querySelector("button").focus();
    });
    const line = document.createElement("li");
    line.append(button);
    return line;
  }

  function open(file) {
    current = file;
    draw();
  }

  function add(path = "", text = "") {
    const file = template.content.firstElementChild.cloneNode(true);
    file.querySelector("[name=path]").value = path;
    file.querySelector("[name=path]").readOnly = path === "index.js" || !mayWrite;
    file.querySelector("textarea").value = text;
    if (path) file.querySelector("code-editor").setAttribute("path", path);
    holder.append(file);
    return file;
  }

  function addButton() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "file-add";
    button.textContent = "Add file";
    button.addEventListener("click", () => {
      open(add());
      current.querySelector("[name=path]").focus();
      changed();
    });
    return button;
  }

  function changed() {
    form.dispatchEvent(new Event("input", { bubbles: true }));
  }

  form.addEventListener("input", (event) => {
    if (event.target.name !== "path") return;
    current.querySelector("code-editor").setAttribute("path", pathOf(current));
    draw();
  });
  form.addEventListener("click", (event) => {
    if (!event.target.closest("[data-file-delete]")) return;
    const isFull = current.querySelector("textarea").value.trim() !== "";
    if (isFull && !confirm(`Delete ${pathOf(current)}? Earlier versions keep it.`)) return;
    current.remove();
    open(all()[0]);
    list.querySelector("button").focus();
    changed();
  });
  draw();

  return {
    place: () => ({ path: pathOf(current), offset: current.querySelector("code-editor").cursor }),
    open(path, place) {
      const file = all().find((one) => pathOf(one) === path);
      if (!file) return;
      open(file);
      file.querySelector("code-editor").moveTo(place);
    },
    focus: () => current.querySelector("code-editor").focus(),
    replace(pairs) {
      holder.replaceChildren();
      for (const [path, text] of pairs) add(path, text);
      open(all()[0]);
    },
  };
}
