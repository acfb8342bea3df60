// <code-editor path="index.js"><textarea name="content">…</textarea></code-editor>
//
// The textarea stays in the light DOM and in the form: it is the editor where there is no JavaScript, and what is
// posted where there is. The shadow root lets styles in through adoptedStyleSheets, which a strict CSP allows.
import { forEachDiagnostic, openLintPanel } from "@codemirror/lint";
import { Compartment, EditorState, Transaction } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

import { indentAll } from "./reindent.js";
import { languageOf, setup } from "./setup.js";

const frame = new CSSStyleSheet();
frame.replaceSync(":host{display:block;min-height:0}:host([hidden]){display:none}.cm-editor{height:100%}");

class CodeEditor extends HTMLElement {
  static observedAttributes = ["path"];
  #language = new Compartment();
  #extras = new Compartment();
  #view = null;

  connectedCallback() {
    if (this.#view || !this.textarea) return;
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [frame];
    const state = EditorState.create({ doc: this.textarea.value, extensions: this.#extensions() });
    this.#view = new EditorView({ state, parent: root, root });
    this.textarea.form?.addEventListener("reset", () => queueMicrotask(() => (this.value = this.textarea.value)));
    this.toggleAttribute("ready", true);
    this.#addExtras();
  }

  attributeChangedCallback() {
    this.#view?.dispatch({ effects: this.#language.reconfigure(languageOf(this.getAttribute("path") ?? "")) });
  }

  get textarea() {
    return this.querySelector("textarea");
  }

  get value() {
    return this.#view ? this.#view.state.doc.toString() : this.textarea.value;
  }

  set value(text) {
    if (text === this.value) return;
    const changes = { from: 0, to: this.#view.state.doc.length, insert: text };
    this.#view.dispatch({ changes, annotations: Transaction.addToHistory.of(true) });
  }

  get cursor() {
    return this.#view.state.selection.main.head;
  }

  // What the linter found, as {line, message}.
  get problems() {
    const found = [];
    forEachDiagnostic(this.#view.state, (problem, from) => {
      found.push({ line: this.#view.state.doc.lineAt(from).number, message: problem.message });
    });
    return found;
  }

  focus() {
    this.#view?.focus();
  }

  reindent() {
    indentAll(this.#view);
  }

  listProblems() {
    openLintPanel(this.#view);
  }

  moveTo({ offset, line, column = 1 }) {
    const { doc } = this.#view.state;
    const at = line ? doc.line(Math.min(line, doc.lines)).from + column - 1 : offset;
    this.#view.dispatch({ selection: { anchor: Math.max(0, Math.min(at, doc.length)) }, scrollIntoView: true });
  }

  async #addExtras() {
    const { extras } = await import("./extras.js");
    const keys = (this.getAttribute("configuration") ?? "").split(" ").filter(Boolean);
    this.#view.dispatch({ effects: this.#extras.reconfigure(extras(keys)) });
    this.toggleAttribute("complete", true);
  }

  #extensions() {
    const label = this.getAttribute("label") ?? this.getAttribute("path") ?? "Code";
    return [
      this.#extras.of([]),
      setup({ label, readOnly: this.textarea.readOnly }),
      this.#language.of(languageOf(this.getAttribute("path") ?? "")),
      EditorView.updateListener.of((update) => this.#updated(update)),
    ];
  }

  #updated(update) {
    const linted = update.transactions.some((transaction) => transaction.effects.length);
    if (linted) this.dispatchEvent(new Event("problems", { bubbles: true }));
    if (!update.docChanged) return;
    this.textarea.value = this.value;
    this.textarea.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

customElements.define("code-editor", CodeEditor);
