"""The function that a new tenant finds ready to run, and the shape of every new one."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

# Whoever calls must hold function:execute on this very function; Fusebit fills the braces in (contract 5.6, 6.2).
CLOSED = {
    "authentication": "required",
    "authorization": [
        {
            "action": "function:execute",
            "resource": "/account/{{accountId}}/subscription/{{subscriptionId}}"
            "/boundary/{{boundaryId}}/function/{{functionId}}/",
        }
    ],
}
PACKAGE = '{\n  "engines": {\n    "node": ">=16"\n  }\n}\n'
HELLO = """\
// Runs on every request. `ctx` holds what was asked:
// method, path, query, headers, body and configuration.
// What you return is the answer: status, headers, body.

const person = %(person)s;

module.exports = async (ctx) => {
  const name = ctx.query.name || person;
  console.log(`Greeting ${name}`);
  return { body: { hello: name } };
};
"""
BLANK = """\
module.exports = async (ctx) => {
  return { body: { method: ctx.method, path: ctx.path } };
};
"""


SOURCES = Path(__file__).resolve().parent.parent / "starters"


@dataclass(frozen=True)
class Starter:
    """The first version of a function; closed unless it says otherwise."""

    name: str
    label: str
    files: dict[str, str]
    message: str
    about: str = ""
    configuration: dict[str, str] = field(default_factory=dict)
    compute: dict[str, Any] = field(default_factory=dict)
    schedule: dict[str, str] = field(default_factory=dict)
    security: dict[str, Any] = field(default_factory=lambda: CLOSED)
    routes: list[dict[str, Any]] = field(default_factory=list)
    description: str = ""
    tags: tuple[str, ...] = ()


def hello(person: str) -> Starter:
    """Return the function that greets `person` by name."""
    files = {"index.js": HELLO % {"person": json.dumps(person)}, "package.json": PACKAGE}
    about = "Greets the name in the query. A good place to see how a request becomes an answer."
    return Starter("hello", "Hello", files, "Created with your account", about)


def blank() -> Starter:
    """Return a function that answers with what it was asked."""
    files = {"index.js": BLANK, "package.json": PACKAGE}
    return Starter("blank", "Blank", files, "Created", "Three lines that answer with the method and the path.")


@cache
def templates() -> dict[str, Starter]:
    """Return the templates that are kept as files beside this package, by name."""
    return {name: _read(SOURCES / name) for name in ("webhook", "report", "api")}


def choices(person: str) -> dict[str, Starter]:
    """Return everything that a new function can begin with, by name."""
    return {"hello": hello(person), "blank": blank(), **templates()}


def _read(directory: Path) -> Starter:
    about = json.loads((directory / "starter.json").read_text())
    files = {
        path.relative_to(directory).as_posix(): path.read_text()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "starter.json"
    }
    message = f"Created from “{about['label']}”"
    return Starter(name=directory.name, files={**files, "package.json": PACKAGE}, message=message, **about)
