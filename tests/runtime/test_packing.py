"""Packages are packed once and then loaded in one piece, and behave as if they were not."""

import json
from pathlib import Path

import pytest

from fusebit_platform.runtime.packing import piece
from fusebit_platform.runtime.recipe import Recipe
from tests.runtime.conftest import Functions

FILES = {
    "left/package.json": '{"main": "lib/main.js"}',
    "left/lib/main.js": """const own = require('./own');
      require('./other');
      module.exports = { own, file: __filename, right: require('right') };""",
    "left/lib/own.js": """exports.resolved = require.resolve('right');
      exports.line = () => new Error('x').stack.split('\\n')[1];""",
    "left/lib/other.js": "exports.right = require('right'); require('node:path');",
    "right/index.js": """'use strict';
      exports.strict = (function () { return this === undefined; })();
      exports.main = require.main === module;""",
    "esm/package.json": '{"type": "module", "exports": "./index.js"}',
    "esm/index.js": "export const modern = true;",
    "broken/index.js": "throw new Error('not now');",
}
SOURCE = """const left = require('left');
module.exports = async (ctx) => {
  let broken = '';
  for (const _ of [1, 2]) try { require('broken'); } catch (error) { broken += error.message; }
  return { body: [left.file, left.own.resolved, left.own.line(), left.right, (await import('esm')).modern, broken] };
};"""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    tree = tmp_path / "node_modules"
    for name, content in FILES.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)
    names = dict.fromkeys(("left", "esm", "broken"), "1")
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": names}))
    return tree


@pytest.mark.parametrize("namespaces", [True, False])
def test_packed_packages_behave_as_the_others_do(recipe: Recipe, packages: Path, namespaces: bool) -> None:
    functions = Functions(recipe if namespaces else recipe.without_namespaces(), spares=0)
    try:
        plain = functions.body(functions.build(SOURCE, dependencies=packages))
        functions.run(functions.settle(lambda: piece(packages).exists()))
        packed = piece(packages).read_bytes()
        head = json.loads(packed[4 : 4 + int.from_bytes(packed[:4], "little")])
        names = ("left/lib/main.js", "left/lib/own.js", "left/lib/other.js", "right/index.js")
        assert set(head["files"]) >= {f"node_modules/{name}" for name in names}
        assert head["requests"]["\0left"] == "node_modules/left/lib/main.js"
        assert head["requests"]["node_modules/left/lib\0right"] == "node_modules/right/index.js"
        again = functions.body(functions.build(SOURCE, dependencies=packages))
        inside = (value.partition("/node_modules/")[2] if isinstance(value, str) else value for value in plain)
        assert list(inside) == [v.partition("/node_modules/")[2] if isinstance(v, str) else v for v in again]
        assert again[-2:] == [True, "not nownot now"]
    finally:
        functions.close()


def test_a_piece_that_cannot_be_read_is_not_used(recipe: Recipe, packages: Path) -> None:
    piece(packages).write_bytes(b"nonsense")
    functions = Functions(recipe, spares=0)
    try:
        assert functions.body(functions.build(SOURCE, dependencies=packages))[-2:] == [True, "not nownot now"]
    finally:
        functions.close()


def test_once_packages_are_in_use_a_process_is_prepared_for_them_and_others_stay_small(
    recipe: Recipe, packages: Path
) -> None:
    asked = "module.exports = async (ctx) => ({ body: [process.moduleLoadList.includes('NativeModule zlib')] });"
    functions = Functions(recipe, spares=3)
    try:
        spares = functions.pool._spares
        functions.run(functions.settle(lambda: len(spares) >= 2))
        assert functions.body(functions.build(asked, dependencies=packages)) == [False]
        functions.run(functions.settle(lambda: any(worker.warmed for worker in spares.waiting)))
        functions.run(functions.settle(lambda: not all(worker.warmed for worker in spares.waiting)))
        assert functions.body(functions.build(asked, boundary="light")) == [False]
        assert functions.body(functions.build(asked, dependencies=packages, boundary="heavy")) == [True]
    finally:
        functions.close()
