'use strict';
// The way out of a sandbox: TCP connections of net, tls, http, https and fetch go through the one unix socket there is.
// The other end decides (fusebit_platform/egress); what is here only makes ordinary libraries work, and refusals clear.

const net = require('node:net');
const channels = require('node:diagnostics_channel');
const { Duplex } = require('node:stream');
const loader = require('node:module');

const SOCKET = '/egress';
const MAX_HEAD = 4096;
const TRACE = 'fusebit-trace-id';
const ENCRYPTED = new Set(['https', 'tls', 'http2', '_tls_wrap', '_tls_common']);
const open = net.Socket.prototype.connect;
const PlainSocket = net.Socket;

function refusal(reason, code = 'EGRESS_DENIED') {
  return Object.assign(new Error(`Egress denied: ${reason}`), { code, syscall: 'connect' });
}

// A connection to host and port as the other end makes it; writes wait until it is there.
class Tunnel extends Duplex {
  constructor(host, port) {
    super({ allowHalfOpen: true });
    this.connecting = true;
    this.remoteAddress = undefined;
    this.remotePort = port;
    this.waiting = null;
    this.head = '';
    this.inner = new PlainSocket();
    this.inner.on('error', (error) => {
      const none = this.connecting && error.syscall !== 'read';
      this.destroy(none ? refusal('functions have no network on this machine.') : error);
    });
    this.inner.on('close', () => this.destroy());
    this.inner.on('end', () => this.push(null));
    this.inner.on('drain', () => this.proceed());
    this.inner.on('data', (chunk) => this.take(chunk));
    const name = net.isIPv6(host) ? `[${host}]` : host;
    open.call(this.inner, { path: SOCKET }, () => this.inner.write(`CONNECT ${name}:${port} HTTP/1.1\r\n\r\n`));
  }

  take(chunk) {
    if (this.connecting) this.listen(chunk);
    else if (!this.push(chunk)) this.inner.pause();
  }

  listen(chunk) {
    this.head += chunk.latin1Slice();
    const end = this.head.indexOf('\r\n\r\n');
    if (end < 0) {
      if (this.head.length > MAX_HEAD) this.destroy(refusal('the answer could not be read.'));
      return;
    }
    const [status, reason = '', code] = this.head.slice(0, end).split('\r\n').map((line) => line.replace(/^[a-z-]+: /, ''));
    if (!status.startsWith('HTTP/1.1 200')) {
      this.destroy(code === 'EGRESS_DENIED' ? refusal(reason) : Object.assign(new Error(`${code}: ${reason}`), { code }));
      return;
    }
    const rest = this.head.slice(end + 4);
    this.head = '';
    this.connecting = false;
    this.emit('connect');
    this.emit('ready');
    this.proceed();
    if (rest !== '') this.take(Buffer.from(rest, 'latin1'));
  }

  proceed() {
    const resume = this.waiting;
    this.waiting = null;
    if (resume) resume();
  }

  _write(chunk, encoding, done) {
    if (this.connecting) this.waiting = () => this._write(chunk, encoding, done);
    else if (this.inner.write(chunk)) done();
    else this.waiting = done;
  }

  _final(done) {
    if (this.connecting) this.waiting = () => this._final(done);
    else this.inner.end(done);
  }

  _read() {
    if (!this.connecting) this.inner.resume();
  }

  _destroy(error, done) {
    this.inner.destroy();
    this.connecting = false;
    done(error);
  }

  setTimeout(ms, listener) {
    if (listener) this[ms ? 'once' : 'off']('timeout', listener);
    this.inner.setTimeout(ms);
    if (!this.timed) this.inner.on('timeout', () => this.emit('timeout'));
    this.timed = true;
    return this;
  }
}

for (const name of ['setNoDelay', 'setKeepAlive', 'ref', 'unref']) {
  Tunnel.prototype[name] = function (...args) {
    this.inner[name](...args);
    return this;
  };
}

function tunnel(options) {
  const timeout = options.timeout;
  const made = new Tunnel(String(options.host || 'localhost'), Number(options.port) || 0);
  if (timeout) made.setTimeout(timeout);
  return made;
}

net.connect = net.createConnection = function (...args) {
  const [options, listener] = net._normalizeArgs(args);
  if (options.path) throw refusal('there are no unix sockets for a function.');
  const made = tunnel(options);
  if (listener) made.once('connect', listener);
  return made;
};

net.Socket.prototype.connect = function () {
  process.nextTick(() => this.destroy(refusal('raw sockets are not for functions; use fetch, http, https or net.connect to a web port.')));
  return this;
};

function patchTls() {
  if (hooks) hooks.deregister();
  hooks = null;
  const tls = require('node:tls');
  const connect = tls.connect;
  tls.connect = function (...args) {
    const [options, listener] = net._normalizeArgs(args);
    const more = args.find((one, at) => at > 0 && one !== null && typeof one === 'object');
    const all = { ...options, ...more };
    if (!all.socket) all.socket = tunnel(all);
    return connect(all, ...(listener ? [listener] : []));
  };
}

let hooks = { deregister() {} };
if (loader.registerHooks) {
  hooks = loader.registerHooks({
    resolve(specifier, context, next) {
      if (hooks && ENCRYPTED.has(specifier.replace(/^node:/, ''))) patchTls();
      return next(specifier, context);
    },
  });
} else patchTls();

channels.subscribe('undici:client:beforeConnect', () => hooks && patchTls());

// Every outgoing request carries the trace of the call it belongs to (contract 6.5).
module.exports = function trace(current) {
  channels.subscribe('http.client.request.created', ({ request }) => {
    const id = current();
    if (id && !request.headersSent && !request.hasHeader(TRACE)) request.setHeader(TRACE, id);
  });
  channels.subscribe('undici:request:create', ({ request }) => {
    const id = current();
    if (id && !String(request.headers).toLowerCase().includes(TRACE)) request.addHeader(TRACE, id);
  });
};
