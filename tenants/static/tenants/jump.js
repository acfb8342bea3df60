// An error that names a line of the person's own file leads there.
const FRAME = /\/app\/([\w@+./ -]+?):(\d+):(\d+)/;

export function jumpToErrors(files) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-open-file]");
    if (!button) return;
    files.open(button.dataset.openFile, { line: Number(button.dataset.openLine) });
    files.focus();
  });
  document.addEventListener("htmx:afterSettle", () => {
    const notice = document.querySelector("#result [data-kind=problem]");
    const frame = document.querySelector("#body")?.textContent.match(FRAME);
    if (!notice || !frame || notice.querySelector("button")) return;
    const [, path, line, column] = frame;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.textContent = `Open ${path} at line ${line}`;
    button.addEventListener("click", () => {
      files.open(path, { line: Number(line), column: Number(column) });
      files.focus();
    });
    const way = document.createElement("p");
    way.append(button);
    notice.append(way);
  });
}
