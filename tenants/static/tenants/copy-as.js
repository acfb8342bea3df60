// What is in the test panel as a command or a few lines of code; TOKEN stands for a call token.
const WAYS = { curl, fetch: asFetch, python };

export function copyAs() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy-as]");
    if (!button) return;
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(WAYS[button.dataset.copyAs](request()));
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed here";
    }
    setTimeout(() => (button.textContent = label), 1500);
  });
}

function request() {
  const form = document.querySelector("#call");
  const { location: url, exposure } = document.querySelector("#address").dataset;
  const value = (name) => form.elements[name].value;
  const headers = value("headers").split("\n").filter((line) => line.includes(":"));
  const pairs = headers.map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()]);
  const body = value("body");
  if (exposure === "closed" && value("identity") !== "anonymous") pairs.push(["Authorization", "Bearer TOKEN"]);
  if (body && !pairs.some(([name]) => name.toLowerCase() === "content-type")) pairs.push(["Content-Type", "application/json"]);
  const query = value("query").replace(/^\?/, "");
  return { method: value("method"), url: url + value("path") + (query ? `?${query}` : ""), pairs, body };
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function curl({ method, url, pairs, body }) {
  const parts = ["curl", ...(method === "GET" ? [] : ["-X", method]), quoted(url)];
  for (const [name, value] of pairs) parts.push("-H", quoted(`${name}: ${value}`));
  if (body) parts.push("--data-raw", quoted(body));
  return parts.join(" ");
}

function asFetch({ method, url, pairs, body }) {
  const options = { method, headers: Object.fromEntries(pairs), ...(body ? { body } : {}) };
  return `const answer = await fetch(${JSON.stringify(url)}, ${JSON.stringify(options, null, 2)});\nconsole.log(answer.status, await answer.text());\n`;
}

function python({ method, url, pairs, body }) {
  const lines = ["import requests", "", "answer = requests.request(", `    ${JSON.stringify(method)},`, `    ${JSON.stringify(url)},`];
  lines.push(`    headers=${JSON.stringify(Object.fromEntries(pairs))},`);
  if (body) lines.push(`    data=${JSON.stringify(body)}.encode(),`);
  return [...lines, "    timeout=30,", ")", "print(answer.status_code, answer.text)", ""].join("\n");
}
