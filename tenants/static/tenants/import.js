// Reads a chosen folder here, so that paths survive and what is too large is refused before it is sent.
const form = document.querySelector("[data-import]");
const found = form.querySelector("[data-import-found]");
const problem = form.querySelector("[data-import-problem]");
const SKIPPED = /(^|\/)(\.[^/]*|node_modules|package-lock\.json|__MACOSX)(\/|$)/;
const MOST_FILES = 100;

document.documentElement.dataset.js = "";
form.querySelector("[data-import-folder]").addEventListener("change", async ({ target }) => {
  for (const field of form.querySelectorAll("[data-import-file]")) field.remove();
  problem.textContent = found.textContent = "";
  const files = [...target.files].filter((file) => !SKIPPED.test(file.webkitRelativePath));
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const limit = Number(form.dataset.limit);
  if (!files.length) problem.textContent = "There is no file in it that could be part of a function.";
  else if (files.length > MOST_FILES) problem.textContent = `A function has at most ${MOST_FILES} files; this folder has ${files.length}.`;
  else if (size > limit) problem.textContent = `All files together may have ${limit / 1000} KB; these have ${Math.round(size / 1000)} KB.`;
  else await take(files);
});

async function take(files) {
  for (const file of files) {
    const text = await decoded(file);
    if (text === null) {
      problem.textContent = `${file.webkitRelativePath} is not text: a function is made of text files.`;
      return;
    }
    form.append(hidden("path", file.webkitRelativePath), hidden("content", text));
  }
  const names = files.map((file) => file.webkitRelativePath.split("/").slice(1).join("/"));
  found.textContent = `${files.length} file${files.length > 1 ? "s" : ""}: ${names.slice(0, 8).join(", ")}${files.length > 8 ? ", …" : ""}`;
}

async function decoded(file) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    return null;
  }
}

function hidden(name, value) {
  const field = document.createElement(name === "content" ? "textarea" : "input");
  field.hidden = true;
  field.name = name;
  field.value = value;
  field.dataset.importFile = "";
  return field;
}
