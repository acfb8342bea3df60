// Completion, find and replace, and closing brackets: loaded once the editor itself can be used.
import { closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Prec } from "@codemirror/state";
import { keymap } from "@codemirror/view";

import { completion } from "./completion.js";

export function extras(configurationKeys) {
  return [
    closeBrackets(),
    highlightSelectionMatches(),
    search({ top: true }),
    completion(configurationKeys),
    Prec.high(keymap.of([...closeBracketsKeymap, ...completionKeymap, ...searchKeymap])),
  ];
}
