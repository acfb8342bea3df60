'use strict';
// Loads packages from the one piece that packing.cjs made of them, without looking for files and without compiling.
// What is not in it is loaded as ever.

const Module = require('node:module');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const { hasOwn } = Object;
const plain = Module.builtinModules.filter((name) => !/tls|https|http2/.test(name)); // outward.cjs waits for the others
const builtin = new Set([...plain, ...plain.map((name) => `node:${name}`)]);

module.exports = function adopt(directory) {
  let piece, head, start;
  try {
    piece = fs.readFileSync(`${directory}/node_modules/.packed-${process.version}`);
    start = 4 + piece.readUInt32LE(0);
    head = JSON.parse(piece.utf8Slice(4, start));
  } catch {
    return; // there is none, or none that can be read
  }
  const { requests, files } = head;
  const load = Module._load;
  const ordinary = Module._extensions['.js'];
  const from = directory.length + 1;

  // Which file a request leads to is known: Node.js need not be asked, nor those whom it asks before it loads.
  function loadKnown(file, parent) {
    const cached = Module._cache[file];
    if (cached !== undefined) return cached.exports;
    const module = new Module(file, parent);
    Module._cache[file] = module;
    let loaded = false;
    try {
      module.load(file);
      loaded = true;
    } finally {
      if (!loaded) delete Module._cache[file];
    }
    return module.exports;
  }

  Module._load = function (request, parent, isMain) {
    const known = parent?.path ? `${parent.path.slice(from)}\0${request}` : '';
    if (hasOwn(requests, known)) return loadKnown(`${directory}/${requests[known]}`, parent);
    if (builtin.has(request) && process.getBuiltinModule) return process.getBuiltinModule(request);
    return load.call(this, request, parent, isMain);
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
    const require = (request) => module.require(request);
    require.resolve = (request, options) => Module._resolveFilename(request, module, false, options);
    require.resolve.paths = (request) => Module._resolveLookupPaths(request, module);
    require.cache = Module._cache;
    require.main = process.mainModule;
    require.extensions = Module._extensions;
    return script.runInThisContext().call(module.exports, module.exports, require, module, file, path.dirname(file));
  };
};
