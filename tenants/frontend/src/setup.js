// Everything that the editor can do, put together.
import { closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { bracketMatching, codeFolding, foldGutter, foldKeymap, indentOnInput, indentUnit } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import {
  crosshairCursor, drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap,
  lineNumbers, rectangularSelection,
} from "@codemirror/view";

import { completion } from "./completion.js";
import { problems } from "./problems.js";
import { theme } from "./theme.js";

// The page runs the function on Mod-Enter; it must not also become a line.
const keys = defaultKeymap.filter((binding) => binding.key !== "Mod-Enter");

export function languageOf(path, configurationKeys) {
  if (path.endsWith(".json")) return [json(), problems];
  if (/\.[cm]?js$/.test(path)) return [javascript(), completion(configurationKeys), problems];
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
    closeBrackets(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSelectionMatches(),
    search({ top: true }),
    EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0", ...(readOnly ? { "aria-readonly": "true" } : {}) }),
    tabLeavesUntilTyping(),
    keymap.of([...closeBracketsKeymap, ...keys, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap, indentWithTab]),
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
