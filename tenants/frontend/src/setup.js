// What the editor can do from the first moment; extras.js adds the rest.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { javascriptLanguage } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { bracketMatching, codeFolding, foldGutter, foldKeymap, indentOnInput, indentUnit, LanguageSupport } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import {
  crosshairCursor, drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap,
  lineNumbers, rectangularSelection,
} from "@codemirror/view";

import { reindent } from "./reindent.js";
import { problems } from "./problems.js";
import { theme } from "./theme.js";

// The page runs the function on Mod-Enter; it must not also become a line.
const keys = defaultKeymap.filter((binding) => binding.key !== "Mod-Enter");

export function languageOf(path) {
  if (path.endsWith(".json")) return [json(), problems];
  if (/\.[cm]?js$/.test(path)) return [new LanguageSupport(javascriptLanguage), problems];
  return [];
}

export function setup({ label, readOnly }) {
  return [
    theme,
    lineNumbers(),
    foldGutter(),
    codeFolding(),
    highlightSpecialChars(),
    history(),
    drawSelection(),
    rectangularSelection(),
    crosshairCursor(),
    indentUnit.of("  "),
    EditorState.tabSize.of(2),
    EditorState.allowMultipleSelections.of(true),
    EditorState.readOnly.of(readOnly),
    indentOnInput(),
    bracketMatching(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0", ...(readOnly ? { "aria-readonly": "true" } : {}) }),
    tabLeavesUntilTyping(),
    replacesSelectionItself(),
    keymap.of([reindent, ...keys, ...historyKeymap, ...foldKeymap, ...lintKeymap, indentWithTab]),
  ];
}

// Whoever walks the page with Tab passes through; after the first edit Tab indents, and Esc then Tab leaves.
function tabLeavesUntilTyping() {
  return [
    EditorView.domEventHandlers({ focus: (_event, view) => void view.setTabFocusMode(true) }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged && update.transactions.some((change) => change.isUserEvent("input") || change.isUserEvent("delete")))
        update.view.setTabFocusMode(false);
    }),
  ];
}

// Chromium would keep the style of what is typed over in a style attribute, which the CSP blocks and reports.
function replacesSelectionItself() {
  return EditorView.domEventHandlers({
    beforeinput(event, view) {
      const { from, to, empty } = view.state.selection.main;
      if (event.inputType !== "insertText" || !event.data || empty || view.composing || view.state.readOnly) return false;
      const insert = () => view.state.update(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
      const taken = view.state.facet(EditorView.inputHandler).some((handler) => handler(view, from, to, event.data, insert));
      if (!taken) view.dispatch(insert());
      event.preventDefault();
      return true;
    },
  });
}
