// <code-merge label="index.js"> shows a text beside the one that is to be kept, which can be edited; chunks are taken
// from left to right. Loaded only when two people changed the same file.
import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

import { languageOf, setup } from "./setup.js";

const frame = new CSSStyleSheet();
frame.replaceSync(
  ":host{display:block;min-height:0;overflow:auto}.cm-mergeView{min-height:100%}.cm-merge-revert button{cursor:pointer;border:0;background:none;color:var(--code-caret);font:600 16px/1 var(--code-ui)}",
);
const chunks = EditorView.theme({
  "&.cm-merge-a .cm-changedLine, .cm-deletedChunk": { backgroundColor: "var(--code-theirs)" },
  "&.cm-merge-b .cm-changedLine": { backgroundColor: "var(--code-mine)" },
  "&.cm-merge-a .cm-changedText, &.cm-merge-b .cm-changedText": { background: "none", textDecoration: "underline", textUnderlineOffset: "3px" },
  ".cm-collapsedLines": { background: "var(--code-raised)", color: "var(--code-quiet)", padding: "4px 12px" },
});

class CodeMerge extends HTMLElement {
  #view = null;

  // `left` is {label, text}; what is on the right is kept when only the left changes.
  show({ path, left, right }) {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [frame, ...root.adoptedStyleSheets.filter((sheet) => sheet !== frame)];
    this.#view?.destroy();
    const side = (label, readOnly) => [setup({ label, readOnly }), languageOf(path), chunks, EditorView.lineWrapping];
    this.#view = new MergeView({
      a: { doc: left.text, extensions: [side(left.label, true), EditorState.readOnly.of(true)] },
      b: { doc: right.text, extensions: side(right.label, false) },
      parent: root,
      root,
      revertControls: "a-to-b",
      renderRevertControl: () => revertButton(),
      collapseUnchanged: { margin: 3, minSize: 6 },
    });
  }

  get text() {
    return this.#view.b.state.doc.toString();
  }
}

function revertButton() {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "→";
  button.setAttribute("aria-label", "Take this part from the left");
  button.title = "Take this part from the left";
  return button;
}

customElements.define("code-merge", CodeMerge);
