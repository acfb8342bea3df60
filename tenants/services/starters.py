"""The function that a new tenant finds ready to run, and the shape of every new one."""

import json
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Starter:
    """The first version of a function."""

    name: str
    label: str
    files: dict[str, str]
    message: str


def hello(person: str) -> Starter:
    """Return the function that greets `person` by name."""
    code = HELLO % {"person": json.dumps(person)}
    return Starter("hello", "Hello", {"index.js": code, "package.json": PACKAGE}, "Created with your account")


def blank() -> Starter:
    """Return a function that answers with what it was asked."""
    return Starter("blank", "Blank", {"index.js": BLANK, "package.json": PACKAGE}, "Created")
