// Reads a chosen folder here, so that paths survive and what is too large is refused before it is sent.
const form = document.querySelector("[data-import]");
const chooser = form.querySelector("[data-import-folder]");
const found = form.querySelector("[data-import-found]");
const problem = form.querySelector("[data-import-problem]");
const SKIPPED = /(^|\/)(\.[^/]*|node_modules|package-lock\.json|__MACOSX)(\/|$)/;
const MOST_FILES = 100;
let reading = null; // the promise of a folder's end, while one is being read

document.documentElement.dataset.js = "";
chooser.addEventListener("change", choose);
if (chooser.files.length) choose(); // before this script came, or brought back by the browser
form.addEventListener("submit", async (event) => {
  if (!reading) return;
  event.preventDefault();
  await reading;
  if (!problem.textContent) form.requestSubmit(event.submitter);
});

function choose() {
  for (const field of form.querySelectorAll("[data-import-file]")) field.remove();
  problem.textContent = "";
  found.textContent = chooser.files.length ? "Reading the folder…" : "";
  const mine = chooser.files.length ? take([...chooser.files]).then((outcome) => mine === reading && show(outcome)) : null;
  reading = mine;
}

function show({ fields = [], summary = "", wrong = "" }) {
  reading = null;
  form.append(...fields);
  found.textContent = summary;
  problem.textContent = wrong;
}

// What the files of a folder come to: `fields` to send and their `summary`, or what is `wrong` with them.
async function take(all) {
  const files = all.filter((file) => !SKIPPED.test(file.webkitRelativePath));
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const limit = Number(form.dataset.limit);
  if (!files.length) return { wrong: "There is no file in it that could be part of a function." };
  if (files.length > MOST_FILES) return { wrong: `A function has at most ${MOST_FILES} files; this folder has ${files.length}.` };
  if (size > limit) return { wrong: `All files together may have ${limit / 1000} KB; these have ${Math.round(size / 1000)} KB.` };
  const fields = [];
  for (const file of files) {
    const text = await decoded(file);
    if (text === null) return { wrong: `${file.webkitRelativePath} is not text: a function is made of text files.` };
    fields.push(hidden("path", file.webkitRelativePath), hidden("content", text));
  }
  const names = files.map((file) => file.webkitRelativePath.split("/").slice(1).join("/"));
  const more = names.length > 8 ? ", …" : "";
  return { fields, summary: `${names.length} file${names.length > 1 ? "s" : ""}: ${names.slice(0, 8).join(", ")}${more}` };
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
