"""Read query strings and urlencoded bodies as Express does: `a[b]=1`, `a[]=1&a[]=2`, `a=1&a=2`."""

from urllib.parse import unquote_plus

from fusebit_platform.gateway.refusals import Refusal

MAX_PARAMETERS = 1000
MAX_INDEX = 20
QUERY_DEPTH = 5
BODY_DEPTH = 32

Value = str | list["Value"] | dict[str, "Value"]


class Node:
    """What one name holds: plain values, nested names, or both."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self.members: dict[str, Node] = {}
        self.items: list[Node] = []  # from `name[]`

    def at(self, key: str) -> "Node":
        """Return the member called `key`, made when it is missing."""
        if key == "":
            self.items.append(Node())
            return self.items[-1]
        return self.members.setdefault(key, Node())

    def value(self) -> Value:
        """Return strings, lists and objects."""
        nested = self._nested()
        if nested is None:
            return self.values[0] if len(self.values) == 1 else [*self.values]
        if not self.values:
            return nested
        return [*self.values, *(nested if isinstance(nested, list) else [nested])]

    def _nested(self) -> Value | None:
        if not self.members and not self.items:
            return None
        if all(len(key) <= 4 and key.isascii() and key.isdigit() and int(key) <= MAX_INDEX for key in self.members):
            ordered = [self.members[key] for key in sorted(self.members, key=int)] + self.items
            return [item for node in ordered for item in _spread(node)]
        whole: dict[str, Value] = {key: node.value() for key, node in self.members.items()}
        for index, node in enumerate(self.items):
            whole.setdefault(str(index), node.value())
        return whole


def parse_query(text: str) -> dict[str, Value]:
    """Return the parameters of a raw query; what is past 1000 is ignored."""
    if not text:
        return {}
    return _parse(text.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS], QUERY_DEPTH)


def parse_body(text: str) -> dict[str, Value]:
    """Return the parameters of an urlencoded body; raise Refusal 413 for more than 1000."""
    parts = text.split("&", MAX_PARAMETERS)
    if len(parts) > MAX_PARAMETERS:
        raise Refusal(413, "too many parameters")
    return _parse(parts, BODY_DEPTH)


def _parse(parts: list[str], depth: int) -> dict[str, Value]:
    root = Node()
    for part in parts:
        if not part:
            continue
        closing = part.find("]=")
        at = part.find("=") if closing < 0 else closing + 1
        name, value = (part, "") if at < 0 else (part[:at], part[at + 1 :])
        path = _path(unquote_plus(name), depth)
        if "__proto__" in path or path == [""]:
            continue
        node = root
        for key in path:
            node = node.at(key)
        node.values.append(unquote_plus(value))
    return {key: node.value() for key, node in root.members.items()}


def _path(name: str, depth: int) -> list[str]:
    first = name.find("[")
    if first < 0:
        return [name]
    keys = [name[:first]] if first else []
    at = first
    while at < len(name) and name[at] == "[":
        end = name.find("]", at)
        if end < 0 or len(keys) > depth:
            break
        keys.append(name[at + 1 : end])
        at = end + 1
    if at < len(name) and name[at] == "[":
        keys.append(name[at:])  # deeper than allowed, or never closed: one literal key
    return keys or [name]


def _spread(node: Node) -> list[Value]:
    value = node.value()
    return value if isinstance(value, list) and not node.items and not node.members else [value]
