// What can be typed after `ctx.`, and the few globals that functions use.
import { autocompletion, completeFromList, ifNotIn, snippetCompletion } from "@codemirror/autocomplete";
import { javascriptLanguage, localCompletionSource, scopeCompletionSource } from "@codemirror/lang-javascript";
import { syntaxTree } from "@codemirror/language";

const MEMBERS = [
  ["method", "GET, POST, …"],
  ["path", "below the function's own URL, with the query"],
  ["url", "from /run/ on"],
  ["query", "{name: value}"],
  ["headers", "{name: value}, lower case"],
  ["body", "parsed when it is JSON"],
  ["configuration", "{NAME: value}"],
  ["caller", "who calls, with which permissions"],
  ["accountId", "string"],
  ["subscriptionId", "string"],
  ["boundaryId", "string"],
  ["functionId", "string"],
  ["baseUrl", "where this function answers"],
  ["fusebit", "endpoint, tokens, scheduleTask"],
].map(([label, detail]) => ({ label, detail, type: "property" }));

const SNIPPETS = [
  snippetCompletion("module.exports = async (ctx) => {\n\treturn { body: ${{\\}} };\n};", {
    label: "module.exports",
    detail: "a function",
    type: "keyword",
  }),
  snippetCompletion("return { status: ${200}, headers: ${{\\}}, body: ${{\\}} };", {
    label: "return",
    detail: "an answer",
    type: "keyword",
  }),
];

const GLOBALS = { console, JSON, Math, Object, Array, Promise, Date, Number, String, URL, URLSearchParams, TextEncoder, TextDecoder };

export function completion(configurationKeys) {
  const keys = configurationKeys.map((label) => ({ label, type: "constant", detail: "configuration" }));
  const sources = [members(keys), scopeCompletionSource(GLOBALS), localCompletionSource];
  sources.push(ifNotIn(["String", "TemplateString", "LineComment", "BlockComment", "PropertyName"], completeFromList(SNIPPETS)));
  return [autocompletion({ icons: false }), sources.map((autocomplete) => javascriptLanguage.data.of({ autocomplete }))];
}

function members(keys) {
  return (context) => {
    const inside = syntaxTree(context.state).resolveInner(context.pos, -1).name;
    if (inside.includes("Comment") || inside === "String") return null;
    const typed = context.matchBefore(/\bctx\.(configuration\.)?\w*$/);
    if (!typed) return null;
    const options = typed.text.includes("configuration.") ? keys : MEMBERS;
    return { from: typed.from + typed.text.lastIndexOf(".") + 1, options, validFor: /^\w*$/ };
  };
}
