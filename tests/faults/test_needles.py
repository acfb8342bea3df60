"""The sweep finds every window of twenty bytes, wherever it lies and however lines are broken, and no shorter one."""

import base64
import random
from pathlib import Path

import pytest

from tests.embedded import KeyPair
from tests.faults.needles import WINDOW, Needles

CHANCE = random.Random(20)  # noqa: S311 (no secret)
TOKEN = "e30." + base64.urlsafe_b64encode(CHANCE.randbytes(300)).decode()


@pytest.fixture(scope="module")
def needles() -> Needles:
    made = Needles()
    made.add_token(TOKEN)
    return made


def test_every_window_of_a_token_is_found_wherever_it_lies(needles: Needles) -> None:
    secret = TOKEN[4:].encode()

    for start in range(len(secret) - WINDOW + 1):
        around = CHANCE.randbytes(start % 7), CHANCE.randbytes(start % 5)
        assert needles.found_in(around[0] + secret[start : start + WINDOW] + around[1])


def test_a_shorter_piece_is_no_window(needles: Needles) -> None:
    secret = TOKEN[4:].encode()

    assert not any(needles.found_in(b"\n" + secret[at : at + WINDOW - 1] + b"\n") for at in range(len(secret) - WINDOW))


def test_a_window_between_two_pieces_of_a_large_file_is_found(needles: Needles) -> None:
    for before in range((1 << 20) - WINDOW, (1 << 20) + 2):
        assert needles.found_in(bytes(before) + TOKEN[40 : 40 + WINDOW].encode())


@pytest.mark.parametrize("broken", ["\n", "\\n", "\r\n"])
def test_a_key_is_found_with_its_lines_broken_but_its_public_half_is_not(broken: str) -> None:
    key, made = KeyPair(), Needles()
    made.add_key(key.private_pem)

    assert made.found_in(key.private_pem.replace("\n", broken)[900:960].encode())
    assert made.found_in(key.private_pem.encode())
    assert not made.found_in(key.public_pem.encode())


def test_what_several_tokens_say_gives_none_of_them_away(tmp_path: Path) -> None:
    key, file = KeyPair(), tmp_path / "needles"
    first, second = (key.sign({"iss": "https://issuer.example.com/", "sub": "somebody", "jti": jti}) for jti in "ab")
    file.write_text("".join(f'["token", "{token}"]\n' for token in (first, second)))

    made = Needles.read(file)

    shared = first.split(".")[1][:40].encode()
    assert shared in second.encode()
    assert not made.found_in(shared)
    assert made.found_in(second.split(".")[2].encode())
