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
    const sorted = all().sort((one, other) => rank(pathOf(one)).localeCompare(rank(pathOf(other))));
    let folder = "";
    list.replaceChildren(...sorted.flatMap((file) => {
      const own = pathOf(file).split("/").slice(0, -1).join("/");
      const head = own && own !== folder ? [heading(own)] : [];
      folder = own;
      return [...head, item(file, own)];
    }));
    for (const file of all()) file.hidden = file !== current;
    document.dispatchEvent(new Event("fileopened"));
  }

  function heading(folder) {
    const line = document.createElement("li");
    line.className = "folder";
    line.textContent = `${folder}/`;
    return line;
  }

  function item(file, folder) {
    const button = document.createElement("button");
    button.type = "button";
    const path = pathOf(file);
    button.textContent = (folder ? path.slice(folder.length + 1) : path) || "(no name)";
    if (folder) {
      button.setAttribute("aria-label", path);
      button.dataset.inside = "";
    }
    if (file === current) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => {
      open(file);
      list.querySelector("[aria-current]")?.focus();
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
    editor: () => current.querySelector("code-editor"),
    focus: () => current.querySelector("code-editor").focus(),
    replace(pairs) {
      holder.replaceChildren();
      for (const [path, text] of pairs) add(path, text);
      open(all()[0]);
    },
  };
}

// index.js first, then files, then folders.
function rank(path) {
  if (path === "index.js") return "0";
  return path.includes("/") ? `2${path}` : `1${path || "\uffff"}`;
}
