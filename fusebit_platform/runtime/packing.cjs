'use strict';
// Loads packages once, in a sandbox that has nothing else to do, and answers with all they consist of in one piece:
// which request led to which file, each file's source, and the code that V8 made of it. Read by packed.cjs.

const Module = require('node:module');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const PACKAGES = `${__dirname}/node_modules/`;
const relative = (file) => path.relative(__dirname, file);

module.exports = async (ctx) => {
  const requests = {};
  const made = [];
  const resolve = Module._resolveFilename;
  const ordinary = Module._extensions['.js'];

  Module._resolveFilename = function (request, parent, isMain, options) {
    const file = resolve.call(this, request, parent, isMain, options);
    if (parent?.path && !options?.paths && path.isAbsolute(file)) requests[`${relative(parent.path)}\0${request}`] = relative(file);
    return file;
  };
  Module._extensions['.js'] = function (module, file) {
    if (!file.startsWith(PACKAGES)) return ordinary(module, file);
    const source = fs.readFileSync(file, 'utf8');
    let script;
    try {
      script = new vm.Script(Module.wrap(source), {
        filename: file,
        columnOffset: -Module.wrapper[0].length,
        importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      });
    } catch {
      return ordinary(module, file); // no CommonJS
    }
    made.push({ file: relative(file), source: Buffer.from(source), script });
    const own = (request) => module.require(request);
    own.resolve = (request, options) => Module._resolveFilename(request, module, false, options);
    own.cache = Module._cache;
    own.main = process.mainModule;
    own.extensions = Module._extensions;
    return script.runInThisContext().call(module.exports, module.exports, own, module, file, path.dirname(file));
  };

  for (const name of ctx.names) {
    try {
      require(name);
    } catch {
      // what it needs is not there before a function runs; its own files are packed all the same
    }
  }

  const files = {};
  const parts = [];
  let at = 0;
  for (const { file, source, script } of made) {
    const code = script.createCachedData();
    files[file] = [at, source.length, code.length];
    parts.push(source, code);
    at += source.length + code.length;
  }
  const head = Buffer.from(JSON.stringify({ requests, files }));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(head.length);
  return { body: Buffer.concat([size, head, ...parts]).toString('base64'), bodyEncoding: 'base64' };
};
