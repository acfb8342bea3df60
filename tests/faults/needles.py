"""What must not be found, and the finding of it: private keys and tokens, by windows of 20 bytes.

Of the needles every fourth block is kept, of the hay every third is looked up: the two meet once in twelve places,
which is once in every window of 20 bytes, whatever lies before it.
"""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

WINDOW = 20
BLOCK = 9
STEP_OF_NEEDLES, STEP_OF_HAY = 4, 3
PIECE = 1 << 20
SAME_IN_ALL = 36  # bytes at the beginning of a key that say what kind of key it is


class Needles:
    """Everything that must not be found."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.shared: set[bytes] = set()  # of what is signed, what several tokens say: it gives none of them away
        self._blocks: dict[bytes, tuple[int, int]] = {}

    @classmethod
    def read(cls, file: Path) -> "Needles":
        """Take in what `overheard` wrote."""
        needles = cls()
        lines = [json.loads(line) for line in sorted(set(file.read_text().splitlines()))]
        tokens = [text for kind, text in lines if kind == "token"]
        needles.shared = _shared(tokens)
        for text in tokens:
            needles.add_token(text)
        for kind, text in lines:
            if kind == "key":
                needles.add_key(text)
        return needles

    def add_key(self, pem: str) -> None:
        """Take in a private key, as text and as bytes, but not what its public half shows as well."""
        key = load_pem_private_key(pem.encode(), None)
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        shown = [public, *(base64.b64encode(public[shift:]) for shift in range(3))]
        text = "".join(pem.split("\n")[1:-2]).encode()
        for form in (text[SAME_IN_ALL * 4 // 3 :], der[SAME_IN_ALL:]):
            for part in _not_in(shown, form):
                self._add(part)

    def add_token(self, token: str) -> None:
        """Take in the part of a token that nobody can guess: what it alone says, and its signature."""
        self._add(token.partition(".")[2].encode() or token.encode())

    def _add(self, text: bytes) -> None:
        if len(text) >= WINDOW:
            self.texts.append(text)
            for start in range(0, len(text) - BLOCK + 1, STEP_OF_NEEDLES):
                if (block := text[start : start + BLOCK]) not in self.shared:
                    self._blocks.setdefault(block, (len(self.texts) - 1, start))

    def found_in(self, hay: bytes) -> bytes:
        """Return a window that is in `hay`, line breaks aside, or nothing."""
        for text in {hay, hay.replace(b"\n", b"").replace(b"\\n", b"").replace(b"\r", b"")}:
            for begin in range(0, len(text), PIECE):
                piece = text[begin : begin + PIECE + WINDOW]
                if piece.count(0) == len(piece):
                    continue  # room in a database's log
                blocks = [piece[start : start + BLOCK] for start in range(0, len(piece) - BLOCK + 1, STEP_OF_HAY)]
                if not self._blocks.keys().isdisjoint(blocks):
                    for number, block in enumerate(blocks):
                        if block in self._blocks and (window := self._window(block, piece, number * STEP_OF_HAY)):
                            return window
        return b""

    def _window(self, block: bytes, hay: bytes, place: int) -> bytes:
        """Return what hay and needle have in common around a block, if that is a window."""
        index, start = self._blocks[block]
        needle = self.texts[index]
        left = right = 0
        while left < min(start, place) and needle[start - left - 1] == hay[place - left - 1]:
            left += 1
        for one, other in zip(needle[start + BLOCK :], hay[place + BLOCK :], strict=False):
            if one != other:
                break
            right += 1
        return hay[place - left : place + BLOCK + right] if left + BLOCK + right >= WINDOW else b""


def _shared(tokens: list[str]) -> set[bytes]:
    counted: Counter[bytes] = Counter()
    for token in tokens:
        said = token.encode().split(b".")[1:2]
        counted.update({text[start : start + BLOCK] for text in said for start in range(len(text) - BLOCK + 1)})
    return {block for block, number in counted.items() if number > 1}


def _not_in(shown: list[bytes], form: bytes) -> Iterator[bytes]:
    """Yield the parts of `form` no window of which is in what everybody may see."""
    part_began = 0
    for start in range(len(form) - WINDOW + 1):
        if any(form[start : start + WINDOW] in known for known in shown):
            yield form[part_began : start + WINDOW - 1]
            part_began = start + 1
    yield form[part_began:]
