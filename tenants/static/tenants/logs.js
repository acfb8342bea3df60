// Follows a function's live logs: one line each, as text; resumes where it was after a lost connection.
import { connect } from "./tail-source.js";

const MOST_LINES = 5000;
const tail = document.querySelector("[data-tail]");

function start() {
  document.documentElement.dataset.js = "";
  const find = (hook) => tail.querySelector(`[data-tail-${hook}]`);
  const list = find("lines");
  const state = find("state");
  let paused = null; // what came while paused
  let sticks = true;

  const add = (lines) => {
    for (const line of lines) list.append(line);
    while (list.children.length > MOST_LINES) list.firstElementChild.remove();
    find("empty").hidden = list.children.length > 0;
    if (sticks) list.scrollTop = list.scrollHeight;
    else if (lines.some((line) => !line.hidden)) find("jump").hidden = false;
  };
  const take = (kind, data) => {
    const line = kind === "run" ? runLine(data) : logLine(data);
    line.hidden = !isShown(line);
    if (paused) paused.push(line);
    else add([line]);
    if (paused) find("pause").textContent = `Go on (${paused.length})`;
  };
  const isShown = (line) => {
    const level = find("level").value;
    const wanted = find("search").value.toLowerCase();
    const fits = level === "all" || (level === "lines" ? line.dataset.level !== "run" : line.dataset.level === "error");
    return fits && line.textContent.toLowerCase().includes(wanted);
  };
  const narrow = () => {
    for (const line of list.children) line.hidden = !isShown(line);
    if (sticks) list.scrollTop = list.scrollHeight;
  };

  find("search").addEventListener("input", narrow);
  find("level").addEventListener("change", narrow);
  find("clear").addEventListener("click", () => {
    list.replaceChildren();
    add([]);
  });
  find("pause").addEventListener("click", () => {
    const held = paused;
    paused = held ? null : [];
    find("pause").setAttribute("aria-pressed", String(Boolean(paused)));
    find("pause").textContent = paused ? "Go on" : "Pause";
    if (held) add(held);
  });
  find("jump").addEventListener("click", () => {
    sticks = true;
    list.scrollTop = list.scrollHeight;
    find("jump").hidden = true;
  });
  list.addEventListener("scroll", () => {
    sticks = list.scrollHeight - list.scrollTop - list.clientHeight < 24;
    if (sticks) find("jump").hidden = true;
  });
  find("download").addEventListener("click", () => download([...list.children].filter((line) => !line.hidden)));
  connect(tail, take, (kind, words) => {
    state.dataset.kind = kind;
    state.textContent = words;
  });
}

function logLine({ time, level, msg, version, traceId }) {
  return line(level > 30 ? "error" : "info", time, msg, version, traceId);
}

function runLine({ startedAt, method, path, status, cause, durationMs, version, traceId }) {
  const words = `${method} ${path || "/"} → ${status}${cause ? ` ${cause}` : ""}, ${Math.round(durationMs * 10) / 10} ms`;
  return line(cause ? "error" : "run", startedAt, words, version, traceId, true);
}

function line(level, time, words, version, traceId, isRun = false) {
  const item = document.createElement("div");
  item.className = "printed-line";
  item.dataset.level = level;
  if (isRun) item.dataset.run = "";
  const when = document.createElement("time");
  when.dateTime = time;
  when.textContent = new Date(time).toLocaleTimeString([], { hour12: false });
  const text = document.createElement(isRun && traceId ? "a" : "span");
  text.textContent = words;
  if (isRun && traceId) text.href = `${tail.dataset.runs}?q=${encodeURIComponent(traceId)}`;
  const which = document.createElement("small");
  which.textContent = version ? `v${version}` : "";
  item.append(when, text, which);
  return item;
}

function download(lines) {
  const text = lines.map((line) => `${line.firstElementChild.dateTime} ${line.dataset.level} ${line.children[1].textContent}\n`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(text, { type: "text/plain" }));
  link.download = `${tail.dataset.name}.log`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

if (tail) start();
