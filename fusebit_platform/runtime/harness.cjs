'use strict';
// Runs one function version inside its own process: reads frames from descriptor 3, answers with frames (runtime/frames.py).
// Nothing here is trusted by the parent. What the harness needs is captured before tenant code can change it.

const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const util = require('node:util');
const { AsyncLocalStorage } = require('node:async_hooks');

const { parse, stringify } = JSON;
const { isArray } = Array;
const { isInteger } = Number;
const { ownKeys, apply } = Reflect;
const { assign, hasOwn } = Object;
const bufferFrom = Buffer.from;
const allocate = Buffer.allocUnsafe;
const byteLength = Buffer.byteLength;
const concat = Buffer.concat;
const { inspect, format } = util;
const { nextTick } = process;
const { env } = process;
const ErrorClass = Error;
const DateClass = Date;
const PromiseClass = Promise;
const MapClass = Map;
const then = Promise.prototype.then;
const toISOString = Date.prototype.toISOString;

const KIND = { LOAD: 1, CALL: 2, PING: 3, WARM: 4, READY: 16, ANSWER: 17, LOG: 18, PONG: 19, RETIRE: 20 };
const SOURCE = { function: 0, provider: 1, functionError: 2 };
const MAX_BODY = 6 * 1024 * 1024;
const MAX_LINE = 10000;
const MAX_CALL_LOG = 256 * 1024;
const JSON_TYPE = 'application/json; charset=utf-8';
const JSON_HEADERS = stringify([['content-type', JSON_TYPE]]);
const RESERVED = new Set(['NODE_OPTIONS', 'PATH', 'LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT', '__proto__', 'OPENSSL_CONF']);

// There are no sockets and no /proc/cpuinfo in here; many libraries ask at load and expect an answer, not an error.
os.networkInterfaces = () => ({});
os.cpus = () => [{ model: '', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } }];
os.availableParallelism = () => 1;

const CHANNEL = 3;
const { writeSync } = fs;
const channel = new net.Socket({ fd: CHANNEL, readable: true, writable: true, onread: { buffer: allocate(65536), callback: take } });
const write = channel.write;
const calls = new AsyncLocalStorage();
const storeOf = AsyncLocalStorage.prototype.getStore;
const adoptPackages = require('./packed.cjs');
require('./outward.cjs')(() => apply(storeOf, calls, [])?.trace);
const scheduleTask = require('./scheduling.cjs');
const open = new MapClass();
let build = null;
let handler = null;
let handlerKind = 'callback';
let failure = null;
let retiring = false;

// ---- frames out -------------------------------------------------------------------------------------------------

let outgoing = [];
let stalled = 0; // writes that wait until the platform reads on

// What the socket takes at once goes out by one system call; only the rest needs a stream.
function flush() {
  const chunks = outgoing;
  outgoing = [];
  const chunk = chunks.length === 1 ? chunks[0] : concat(chunks);
  let sent = 0;
  if (stalled === 0) {
    try {
      sent = writeSync(CHANNEL, chunk);
    } catch (error) {
      if (error.code !== 'EAGAIN') leave(0); // nobody is there any more
    }
  }
  if (sent === chunk.length) return;
  stalled += 1;
  apply(write, channel, [chunk.subarray(sent), () => { stalled -= 1; }]);
}

function push(chunk) {
  if (outgoing.push(chunk) === 1) nextTick(flush);
}

function frame(kind, call, text) {
  const size = text === '' ? 0 : byteLength(text);
  const chunk = allocate(9 + size);
  chunk.writeUInt32LE(5 + size, 0);
  chunk[4] = kind;
  chunk.writeUInt32LE(call, 5);
  if (size > 0) chunk.write(text, 9, size, 'utf8');
  push(chunk);
}

function answer(call, status, source, headers, body, encoding) {
  const headerSize = byteLength(headers);
  const isText = typeof body === 'string';
  const bodySize = isText ? byteLength(body, encoding) : body.length;
  if (bodySize > MAX_BODY) {
    const text = `Response payload size (${bodySize} bytes) exceeded maximum allowed payload size (${MAX_BODY} bytes).`;
    provide(call, 'Function.ResponseSizeTooLarge', text, []);
    return;
  }
  const chunk = allocate(9 + 7 + headerSize + bodySize);
  chunk.writeUInt32LE(5 + 7 + headerSize + bodySize, 0);
  chunk[4] = KIND.ANSWER;
  chunk.writeUInt32LE(call, 5);
  chunk.writeUInt16LE(status, 9);
  chunk[11] = source;
  chunk.writeUInt32LE(headerSize, 12);
  chunk.write(headers, 16, headerSize, 'utf8');
  if (isText) chunk.write(body, 16 + headerSize, bodySize, 'utf8');
  else body.copy(chunk, 16 + headerSize);
  push(chunk);
}

// ---- logs -------------------------------------------------------------------------------------------------------

function log(level, message, properties) {
  const state = calls.getStore();
  if (state) {
    if (state.logged > MAX_CALL_LOG) return;
    state.logged += message.length + 64;
  }
  const text = message.length > MAX_LINE ? message.slice(0, MAX_LINE) : message;
  const entry = { level, msg: text, time: apply(toISOString, new DateClass(), []) };
  if (state) entry.trace = state.trace;
  if (properties) entry.properties = properties;
  else if (state) entry.method = state.method;
  frame(KIND.LOG, state ? state.call : 0, stringify(entry));
}

for (const name of ['log', 'info', 'debug']) console[name] = (...args) => log(30, apply(format, util, args));
for (const name of ['error', 'warn']) console[name] = (...args) => log(50, apply(format, util, args));

// ---- errors -----------------------------------------------------------------------------------------------------

function describe(error) {
  if (!(error instanceof ErrorClass)) {
    return { name: 'Error', message: `A value that is not an Error was thrown: ${safely(() => inspect(error))}`, lines: [] };
  }
  const message = safely(() => String(error.message));
  const name = safely(() => String(error.name));
  const lines = trim(safely(() => String(error.stack))).split('\n').slice(0, 50);
  return { name, message, lines };
}

// Keep the author's own frames: neither this file's nor those below it say anything to them.
function trim(stack) {
  const kept = [];
  let ours = false;
  for (const line of stack.split('\n')) {
    if (line.startsWith('    at ')) ours ||= line.includes(__filename) || line.includes('node:internal/modules/');
    else ours = false;
    if (!ours) kept.push(line);
  }
  return kept.join('\n');
}

function safely(read) {
  try {
    return read();
  } catch {
    return '';
  }
}

function blame(call, error) {
  const { name, message, lines } = describe(error);
  const properties = { errorMessage: message, errorType: name, stackTrace: lines };
  log(50, trim(safely(() => inspect(error))));
  const body = stringify({ code: 500, status: 500, statusCode: 500, message, properties });
  answer(call, 500, SOURCE.functionError, JSON_HEADERS, body);
}

function provide(call, type, message, lines) {
  const payload = { status: 500, statusCode: 500, message, properties: { errorType: type, errorMessage: message, trace: lines } };
  log(50, message, payload.properties);
  answer(call, 500, SOURCE.provider, JSON_HEADERS, stringify(payload));
}

function retire(reason) {
  if (retiring) return;
  retiring = true;
  frame(KIND.RETIRE, 0, reason);
}

// ---- results ----------------------------------------------------------------------------------------------------

function statusOf(result) {
  if (result.status === undefined || result.status === null) return 200;
  const status = Number(result.status);
  return isInteger(status) && status >= 200 && status <= 599 ? status : 500;
}

function headersOf(result, withType) {
  const list = [];
  let typed = false;
  const { headers } = result;
  if (headers !== null && typeof headers === 'object') {
    for (const name of Object.keys(headers)) {
      const value = headers[name];
      if (value === undefined || value === null) continue;
      if (name.toLowerCase() === 'content-type') typed = true;
      for (const one of isArray(value) ? value : [value]) list.push([name, String(one)]);
    }
  }
  if (withType && !typed) list.push(['content-type', JSON_TYPE]);
  return list;
}

function settle(call, result) {
  if (result === null || typeof result !== 'object') {
    answer(call, 200, SOURCE.function, '[]', '');
    return;
  }
  const status = statusOf(result);
  const { body, bodyEncoding } = result;
  if (!body) {
    answer(call, status, SOURCE.function, stringify(headersOf(result, false)), '');
  } else if (typeof body === 'string' && bodyEncoding) {
    answer(call, status, SOURCE.function, stringify(headersOf(result, false)), bufferFrom(body, bodyEncoding));
  } else {
    const headers = result.headers ? stringify(headersOf(result, true)) : JSON_HEADERS;
    answer(call, status, SOURCE.function, headers, stringify(body) ?? '');
  }
}

// Nobody waits for a task: what its handler answered is kept as it is.
function report(call, result) {
  const response = result !== null && typeof result === 'object' ? stringify(result) : '{}';
  answer(call, 200, SOURCE.function, JSON_HEADERS, response ?? '{}');
}

// ---- calls ------------------------------------------------------------------------------------------------------

function finish(state) {
  if (state.done) return false;
  state.done = true;
  open.delete(state.call);
  return true;
}

function succeed(state, result) {
  if (!finish(state)) return;
  try {
    if (state.method === 'TASK') report(state.call, result);
    else settle(state.call, result);
  } catch (error) {
    blame(state.call, error);
  }
}

function fail(state, error) {
  if (!finish(state)) return;
  if (error instanceof ErrorClass) blame(state.call, error);
  else refuse(state.call, error);
}

function refuse(call, error) {
  const { name, message, lines } = describe(error);
  provide(call, name, message, lines);
}

function contextOf(payload) {
  const ctx = parse(payload);
  assign(ctx, build.context);
  ctx.configuration = { ...build.configuration };
  ctx.fusebit = { ...build.fusebit, ...ctx.fusebit, scheduleTask: (options) => scheduleTask(ctx, options) };
  return ctx;
}

function invoke(state, payload) {
  const ctx = contextOf(payload);
  state.method = ctx.method;
  state.trace = ctx.headers?.['fusebit-trace-id'];
  if (handlerKind === 'async') {
    apply(then, handler(ctx), [(result) => succeed(state, result), (error) => fail(state, error)]);
    return;
  }
  handler(ctx, (error, result) => (error ? fail(state, error) : succeed(state, result)));
}

function begin(call, payload) {
  const state = { call, done: false, logged: 0, method: undefined, trace: undefined };
  open.set(call, state);
  calls.run(state, () => {
    if (failure !== null) {
      finish(state);
      state.trace = parse(payload).headers?.['fusebit-trace-id'];
      provide(call, failure.name, failure.message, failure.lines);
      if (failure.fatal) retire('the module failed to load');
      return;
    }
    try {
      invoke(state, payload);
    } catch (error) {
      fail(state, error);
    }
  });
}

// An error nobody caught belongs to the call it was thrown from; the process takes no new calls afterwards.
function escape(error) {
  const state = calls.getStore();
  const guilty = state ? [state] : [...open.values()];
  if (state && state.done) log(50, trim(safely(() => inspect(error))));
  for (const one of guilty) {
    if (finish(one)) calls.run(one, () => refuse(one.call, error));
  }
  retire('an error escaped the function');
}

process.on('uncaughtException', escape);
process.on('unhandledRejection', escape);

// ---- loading ----------------------------------------------------------------------------------------------------

function judge(exported) {
  if (typeof exported !== 'function') return 'The module export must be a function.';
  const isAsync = exported.constructor && exported.constructor.name === 'AsyncFunction';
  if (isAsync && exported.length !== 1) return 'The function must take one parameter: async (ctx).';
  if (!isAsync && exported.length !== 2) return 'The function must take two parameters: (ctx, cb).';
  handlerKind = isAsync ? 'async' : 'callback';
  return null;
}

function adopt(configuration) {
  for (const name of ownKeys(configuration)) {
    if (RESERVED.has(name) || name.includes('=') || name.includes('\0')) continue;
    env[name] = configuration[name];
  }
}

function load(payload) {
  build = parse(payload);
  build.context = { ...build.context };
  build.fusebit = { ...build.context.fusebit };
  delete build.context.fusebit;
  adopt(build.configuration);
  try {
    process.chdir(build.directory);
  } catch {
    // The permission model may refuse; the working directory is then the one the process started in.
  }
  try {
    if (build.packages) adoptPackages(build.directory);
    const exported = require(build.entry);
    const complaint = judge(exported);
    if (complaint === null) handler = exported;
    else failure = { name: 'Error', message: complaint, lines: [], fatal: false };
  } catch (error) {
    failure = { ...describe(error), fatal: true };
  }
}

// ---- frames in --------------------------------------------------------------------------------------------------

let rest = null;

function dispatch(kind, call, payload) {
  if (kind === KIND.CALL) begin(call, payload);
  else if (kind === KIND.LOAD) load(payload);
  else if (kind === KIND.PING) frame(KIND.PONG, call, '');
  else if (kind === KIND.WARM) warm();
}

// What most packages ask Node.js for; only processes that are meant for packages have it before they are asked.
function warm() {
  for (const name of ['crypto', 'http', 'querystring', 'tty', 'zlib']) require(`node:${name}`);
}

// The channel's buffer is used again for what comes next: nothing of it may be kept.
function take(count, chunk) {
  const buffer = rest === null ? chunk : concat([rest, chunk.subarray(0, count)]);
  const end = rest === null ? count : buffer.length;
  let at = 0;
  while (end - at >= 9) {
    const size = buffer.readUInt32LE(at);
    if (end - at < 4 + size) break;
    dispatch(buffer[at + 4], buffer.readUInt32LE(at + 5), buffer.utf8Slice(at + 9, at + 4 + size));
    at += 4 + size;
  }
  rest = at === end ? null : bufferFrom(buffer.subarray(at, end));
}

const leave = process.reallyExit.bind(process);
channel.on('close', () => leave(0));
channel.on('error', () => leave(0));
frame(KIND.READY, 0, '');
