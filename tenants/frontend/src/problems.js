// Syntax errors from the tree that highlights anyway: no second parser, nothing is evaluated.
import { ensureSyntaxTree } from "@codemirror/language";
import { linter, lintGutter } from "@codemirror/lint";

const MAX_PROBLEMS = 20;
const PARSE_MS = 200;

export function syntaxErrors(state) {
  const tree = ensureSyntaxTree(state, state.doc.length, PARSE_MS);
  const found = [];
  tree?.iterate({
    enter(node) {
      if (!node.type.isError || found.length >= MAX_PROBLEMS) return;
      const line = state.doc.lineAt(node.from);
      if (found.some((problem) => problem.line === line.number)) return; // one error, not its echoes
      found.push({ ...span(state, node), line: line.number, severity: "error", message: message(state, node) });
    },
  });
  return found;
}

function span(state, node) {
  const length = state.doc.length;
  if (node.to > node.from) return { from: node.from, to: Math.min(node.to, state.doc.lineAt(node.from).to) };
  return { from: Math.max(0, Math.min(node.from, length) - (node.from === length ? 1 : 0)), to: Math.min(node.from + 1, length) };
}

function message(state, node) {
  const text = state.sliceDoc(node.from, Math.min(node.to, node.from + 20)).trim();
  if (text) return `Syntax error: ${text.split("\n")[0]} is not expected here.`;
  const parent = node.node.parent?.name;
  return parent && parent !== "Script" && parent !== "JsonText"
    ? `Syntax error: something is missing in this ${words(parent)}.`
    : "Syntax error: something is missing here.";
}

function words(name) {
  return name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}

export const problems = [linter((view) => syntaxErrors(view.state), { delay: 250 }), lintGutter()];
