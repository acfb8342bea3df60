'use strict';
// Loads packages from the one piece that packing.cjs made of them, without looking for files and without compiling.
// What is not in it is loaded as ever.

const Module = require('node:module');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const { hasOwn } = Object;

module.exports = function adopt(directory) {
  let piece, head, start;
  try {
    piece = fs.readFileSync(`${directory}/node_modules/.packed`);
    start = 4 + piece.readUInt32LE(0);
    head = JSON.parse(piece.utf8Slice(4, start));
  } catch {
    return; // there is none, or none that can be read
  }
  const { requests, files } = head;
  const resolve = Module._resolveFilename;
  const ordinary = Module._extensions['.js'];
  const from = directory.length + 1;

  Module._resolveFilename = function (request, parent, isMain, options) {
    if (parent?.filename && !options) {
      const known = `${parent.filename.slice(from)}\0${request}`;
      if (hasOwn(requests, known)) return `${directory}/${requests[known]}`;
    }
    return resolve.call(this, request, parent, isMain, options);
  };

  Module._extensions['.js'] = function (module, file) {
    const name = file.slice(from);
    if (!hasOwn(files, name)) return ordinary(module, file);
    const [at, length, coded] = files[name];
    const begin = start + at;
    const script = new vm.Script(Module.wrap(piece.utf8Slice(begin, begin + length)), {
      filename: file,
      columnOffset: -Module.wrapper[0].length,
      cachedData: piece.subarray(begin + length, begin + length + coded),
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    const own = (request) => module.require(request);
    own.resolve = (request, options) => Module._resolveFilename(request, module, false, options);
    own.resolve.paths = (request) => Module._resolveLookupPaths(request, module);
    own.cache = Module._cache;
    own.main = process.mainModule;
    own.extensions = Module._extensions;
    return script.runInThisContext().call(module.exports, module.exports, own, module, file, path.dirname(file));
  };
};
