// Colours and measures come from the page as custom properties, which reach into the shadow root:
// light, dark and system need no code here.
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const chrome = EditorView.theme({
  "&": { height: "100%", color: "var(--code-text)", backgroundColor: "var(--code-surface)", fontSize: "var(--code-size, 13px)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--code-font)", lineHeight: "1.6", overflow: "auto" },
  ".cm-content": { caretColor: "var(--code-caret)", padding: "10px 0", minHeight: "100%" },
  ".cm-line": { padding: "0 16px 0 8px" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--code-caret)", borderLeftWidth: "2px" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "var(--code-selection)",
  },
  ".cm-gutters": { backgroundColor: "var(--code-surface)", color: "var(--code-quiet)", border: "none" },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 6px 0 14px", minWidth: "2.4em" },
  ".cm-foldGutter .cm-gutterElement": { padding: "0 4px", cursor: "pointer" },
  ".cm-activeLine": { backgroundColor: "var(--code-line)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--code-line)", color: "var(--code-text)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--code-match)", outline: "none" },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "transparent", color: "var(--code-problem)" },
  ".cm-selectionMatch": { backgroundColor: "var(--code-match)" },
  ".cm-searchMatch": { backgroundColor: "var(--code-match)", outline: "1px solid var(--code-border)" },
  ".cm-searchMatch.cm-searchMatch-selected": { backgroundColor: "var(--code-selection)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--code-line)", border: "none", color: "var(--code-quiet)", padding: "0 6px" },
  ".cm-placeholder": { color: "var(--code-quiet)" },
});

const overlays = EditorView.theme({
  ".cm-panels": { backgroundColor: "var(--code-raised)", color: "var(--code-text)", fontFamily: "var(--code-ui)" },
  ".cm-panels.cm-panels-top": { borderBottom: "1px solid var(--code-border)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--code-border)" },
  ".cm-panel.cm-search": { padding: "8px 32px 8px 10px", fontSize: "13px" },
  ".cm-panel.cm-search label": { fontSize: "12px", whiteSpace: "nowrap" },
  ".cm-textfield": { backgroundColor: "var(--code-surface)", border: "1px solid var(--code-border)", borderRadius: "5px", padding: "3px 7px", color: "inherit" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--code-surface)", border: "1px solid var(--code-border)", borderRadius: "5px", padding: "3px 9px", color: "inherit" },
  ".cm-button:active": { backgroundImage: "none", backgroundColor: "var(--code-line)" },
  ".cm-panel.cm-search [name=close], .cm-panel-lint [name=close]": { color: "inherit", fontSize: "18px", right: "8px" },
  ".cm-textfield:focus-visible, .cm-button:focus-visible, button:focus-visible": { outline: "2px solid var(--code-focus)", outlineOffset: "1px" },
  ".cm-tooltip": { backgroundColor: "var(--code-raised)", border: "1px solid var(--code-border)", borderRadius: "6px", boxShadow: "var(--code-shadow)", color: "var(--code-text)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--code-font)", fontSize: "12.5px", maxHeight: "28em" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 10px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--code-accent)", color: "var(--code-on-accent)" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: "0.85", marginLeft: "1em" },
  ".cm-diagnostic": { padding: "5px 10px", fontFamily: "var(--code-ui)", fontSize: "13px" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--code-problem)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--code-problem) 1px", textUnderlineOffset: "3px" },
  ".cm-lintPoint-error:after": { borderBottomColor: "var(--code-problem)" },
  ".cm-gutter-lint": { width: "14px" },
  ".cm-lint-marker": { width: "8px", height: "8px", padding: "0" },
  ".cm-lint-marker-error": { content: "none", backgroundColor: "var(--code-problem)", borderRadius: "50%", margin: "7px 3px" },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword, tags.controlKeyword], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--code-number)" },
  { tag: [tags.comment], color: "var(--code-comment)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: "var(--code-function)" },
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-property)" },
  { tag: [tags.typeName, tags.className, tags.namespace], color: "var(--code-function)" },
  { tag: [tags.operator, tags.punctuation, tags.separator, tags.bracket], color: "var(--code-punctuation)" },
  { tag: tags.invalid, color: "var(--code-problem)" },
]);

export const theme = [chrome, overlays, syntaxHighlighting(colours)];
