'use strict';
// ctx.fusebit.scheduleTask: has a task route of the same function run later (contract 6.7).

const NOT_BEFORE = 'fusebit-task-not-before';
const ACCEPTED = 202;

function text(options, name) {
  const value = options[name];
  if (value !== undefined && typeof value !== 'string') throw new TypeError(`The option '${name}' must be a string.`);
  return value;
}

function texts(options, name) {
  const value = options[name] ?? {};
  if (value === null || typeof value !== 'object') throw new TypeError(`The option '${name}' must be an object.`);
  for (const key of Object.keys(value)) {
    if (typeof value[key] !== 'string') throw new TypeError(`The option '${name}.${key}' must be a string.`);
  }
  return value;
}

// Seconds since the epoch: of a Date, a text that names a date, or seconds already; or so many from now.
function notBefore({ notBefore: moment, notBeforeRelative: seconds }) {
  if (moment !== undefined && seconds !== undefined) {
    throw new TypeError("Only one of the options 'notBefore' and 'notBeforeRelative' can be given.");
  }
  if (moment === undefined && seconds === undefined) return undefined;
  const isNumber = typeof moment === 'number' || /^\d+$/.test(moment);
  const due = seconds !== undefined ? Date.now() / 1000 + Number(seconds) : isNumber ? Number(moment) : Date.parse(moment) / 1000;
  if (!Number.isFinite(due)) throw new TypeError("The options 'notBefore' and 'notBeforeRelative' must name a time.");
  return String(Math.floor(due));
}

function target(ctx, options) {
  const path = text(options, 'path');
  if (!path) throw new TypeError("The option 'path' is required.");
  const url = new URL(`${ctx.baseUrl}${path.startsWith('/') ? '' : '/'}${path}`);
  const query = texts(options, 'query');
  for (const key of Object.keys(query)) url.searchParams.append(key, query[key]);
  return url;
}

function headersOf(ctx, options) {
  const headers = {};
  const given = texts(options, 'headers');
  for (const name of Object.keys(given)) headers[name.toLowerCase()] = given[name];
  const token = text(options, 'accessToken') || ctx.fusebit.functionAccessToken;
  if (!token) throw new TypeError("The option 'accessToken' is required, since the function has no permissions of its own.");
  headers.authorization = `Bearer ${token}`;
  headers['content-type'] = 'application/json';
  const due = notBefore(options);
  if (due !== undefined) headers[NOT_BEFORE] = due;
  return headers;
}

function readJson(body) {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function send(url, headers, body) {
  const { request } = require(url.protocol === 'https:' ? 'node:https' : 'node:http');
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) } });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const answer = readJson(Buffer.concat(chunks).toString());
        if (response.statusCode === ACCEPTED) return resolve(answer);
        const error = new Error(`The task could not be scheduled: ${answer.message ?? response.statusCode}`);
        return reject(Object.assign(error, { statusCode: response.statusCode, body: answer, headers: response.headers }));
      });
    });
    sent.end(body);
  });
}

module.exports = function scheduleTask(ctx, options) {
  if (options === null || typeof options !== 'object') throw new TypeError('The options must be an object.');
  return send(target(ctx, options), headersOf(ctx, options), JSON.stringify(options.body ?? {}));
};
