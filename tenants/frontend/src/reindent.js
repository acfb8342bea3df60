// Shift-Alt-F indents the whole file by its own syntax; what is selected stays selected.
import { indentRange } from "@codemirror/language";

export function indentAll(view) {
  const changes = indentRange(view.state, 0, view.state.doc.length);
  if (!changes.empty && !view.state.readOnly) view.dispatch({ changes, userEvent: "indent" });
  return true;
}

export const reindent = { key: "Shift-Alt-f", run: indentAll };
