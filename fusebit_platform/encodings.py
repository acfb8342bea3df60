"""Reads text that stands for bytes, in the encodings of Node's Buffer and as forgivingly as it does."""

import base64

TEXT_ENCODINGS = {
    "ascii": "latin-1",
    "latin1": "latin-1",
    "binary": "latin-1",
    "utf8": "utf-8",
    "utf-8": "utf-8",
    "ucs2": "utf-16-le",
    "ucs-2": "utf-16-le",
    "utf16le": "utf-16-le",
    "utf-16le": "utf-16-le",
}
ENCODINGS = frozenset({*TEXT_ENCODINGS, "base64", "base64url", "hex"})


def decode(content: str, encoding: str) -> bytes:
    """Return the bytes that `content` stands for."""
    encoding = encoding.lower()
    if encoding in TEXT_ENCODINGS:
        return content.encode(TEXT_ENCODINGS[encoding], errors="replace")
    if encoding == "hex":
        digits = content[: len(content) // 2 * 2]
        try:
            return bytes.fromhex(digits)
        except ValueError:
            return b""
    kept = "".join(content.split()).replace("-", "+").replace("_", "/").partition("=")[0]
    return base64.b64decode(kept[: len(kept) - (len(kept) % 4 == 1)] + "=" * (-len(kept) % 4))
