"""A client profile is read whole or refused in words that name the fault, and its key never shows."""

import copy
import json
import pickle
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from fusebit_bridge.credentials import BadCredentials, ClientProfile, PrivateKey, parse_public
from tests.fusebit_bridge.conftest import ACCOUNT, SUBSCRIPTION, pem_of

Profile = Callable[..., str]


def test_a_profile_is_read_whole(profile: Profile) -> None:
    read = ClientProfile.from_json(profile(baseUrl="http://localhost:3001/"))
    assert (read.account_id, read.subscription_id) == (ACCOUNT, SUBSCRIPTION)
    assert read.base_url == read.audience == "http://localhost:3001"
    assert read.key.key_id == "1a2b3c4d"


def test_the_audience_is_kept_byte_for_byte(profile: Profile) -> None:
    assert (
        ClientProfile.from_json(profile(pki__audience="https://API.example.com")).audience == "https://API.example.com"
    )


@pytest.mark.parametrize(
    "member",
    ["baseUrl", "account", "subscription", "type", "pki", "pki__issuer", "pki__subject", "pki__kid", "pki__algorithm",
     "pki__publicKey", "pki__privateKey"],
)  # fmt: skip
@pytest.mark.parametrize("value", [None, 7, "", [], {}])
def test_a_member_that_is_missing_or_of_another_type_is_named(profile: Profile, member: str, value: object) -> None:
    with pytest.raises(BadCredentials) as caught:
        ClientProfile.from_json(profile(**{member: value}))
    assert member.removeprefix("pki__") in caught.value.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"account": "acc-1234"}, "account"),
        ({"account": f"{ACCOUNT}\n"}, "account"),
        ({"subscription": "sub-XYZ"}, "subscription"),
        ({"baseUrl": "ftp://x"}, "baseUrl"),
        ({"baseUrl": "http://user:pw@x"}, "baseUrl"),
        ({"baseUrl": "http://x/path"}, "baseUrl"),
        ({"baseUrl": "http://x:99999"}, "baseUrl"),
        ({"type": "other"}, "type"),
        ({"type": "oauth"}, "oauth"),
        ({"type": "oauth", "oauth": {}}, "tokenUrl"),
        ({"pki__algorithm": "HS256"}, "algorithm"),
        ({"pki__algorithm": "none"}, "algorithm"),
        ({"pki__algorithm": "ES256"}, "does not sign"),
        ({"pki__kid": "a b"}, "key id"),
        ({"pki__issuer": "x.system.fusebit.io"}, "issuer"),
        ({"pki__privateKey": "foo"}, "PEM"),
    ],
)
def test_a_member_that_cannot_be_is_refused_in_words(profile: Profile, changes: dict[str, str], words: str) -> None:
    with pytest.raises(BadCredentials, match=words):
        ClientProfile.from_json(profile(**changes))


def test_a_short_rsa_key_is_refused(profile: Profile) -> None:
    short = pem_of(rsa.generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505 (the point)
    with pytest.raises(BadCredentials, match="1024 bits"):
        ClientProfile.from_json(profile(pki__privateKey=short))


def test_a_public_key_of_another_pair_is_refused(profile: Profile, other_pem: str) -> None:
    other = PrivateKey(other_pem, key_id="x", algorithm="RS256").public_pem
    with pytest.raises(BadCredentials, match="not the public half"):
        ClientProfile.from_json(profile(pki__publicKey=other))


def test_trailing_junk_is_refused_after_the_key_and_after_the_profile(profile: Profile, pem: str) -> None:
    for text in (profile(pki__privateKey=pem + "junk"), profile(pki__privateKey=pem + pem), profile() + "x"):
        with pytest.raises(BadCredentials):
            ClientProfile.from_json(text)


def test_a_member_given_twice_is_refused(profile: Profile) -> None:
    with pytest.raises(BadCredentials, match="twice"):
        ClientProfile.from_json('{"account": "x", ' + profile()[1:])


def test_the_export_of_another_command_is_recognised() -> None:
    with pytest.raises(BadCredentials, match="profile export"):
        ClientProfile.from_json(json.dumps({"profile": {}, "type": "pki", "pki": {"name": "x"}}))


def test_a_key_under_a_passphrase_is_refused_in_words(profile: Profile) -> None:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    locked = made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"pw"),
    ).decode()
    with pytest.raises(BadCredentials, match="passphrase"):
        ClientProfile.from_json(profile(pki__privateKey=locked))


def test_an_edwards_key_is_refused_in_words() -> None:
    with pytest.raises(BadCredentials, match="neither RSA nor"):
        PrivateKey(pem_of(ed25519.Ed25519PrivateKey.generate()), key_id="k", algorithm="ES256")


@pytest.mark.parametrize(("curve", "algorithm"), [(ec.SECP256R1(), "ES256"), (ec.SECP384R1(), "ES384")])
def test_an_elliptic_key_signs_its_own_algorithm_only(curve: ec.EllipticCurve, algorithm: str) -> None:
    pem = pem_of(ec.generate_private_key(curve))
    key = PrivateKey(pem, key_id="k", algorithm=algorithm)
    token = key.sign({"sub": "x"}, {})
    assert jwt.decode(token, key.public_pem, algorithms=[algorithm]) == {"sub": "x"}
    with pytest.raises(BadCredentials, match="does not sign"):
        PrivateKey(pem, key_id="k", algorithm="ES512")


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_nothing_but_a_profile_is_a_profile_and_the_refusal_quotes_nothing(text: bytes | str) -> None:
    with pytest.raises(BadCredentials):
        ClientProfile.from_json(text)


def test_a_public_key_must_be_one_pem_block(key: PrivateKey) -> None:
    for text in ("https://example.com/key", key.public_pem * 2, key.export()):
        with pytest.raises(BadCredentials):
            parse_public(text)


def test_the_key_shows_in_no_repr_copy_or_pickle(profile: Profile, pem: str) -> None:
    read = ClientProfile.from_json(profile())
    secret = "".join(pem.split("\n")[1:-2])
    for shown in (repr(read), str(read), repr(read.key), f"{read.key}", repr(vars(read))):
        assert not any(secret[start : start + 20] in shown for start in range(len(secret) - 20))
    for travel in (pickle.dumps, copy.copy, copy.deepcopy):
        for what in (read.key, read):
            if travel is copy.copy and what is read:
                continue  # shares the key object, which is fine
            with pytest.raises(TypeError, match="not copied"):
                travel(what)
