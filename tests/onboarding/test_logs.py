"""Secrets do not reach the log, whichever way they try."""

import logging

import pytest

from onboarding.logs import MARK, RedactSecrets

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    "secret",
    [
        JWT,
        PEM,
        "Authorization: Bearer abcdefghijkl",
        "/x?token=abc123",
        "Cookie: a=b",
        "fbt_" + "x" * 40,
        "/join/" + "y" * 43,
    ],
)
def test_a_secret_in_a_message_or_its_arguments_is_replaced(secret: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, "seen %s", (secret,), None)

    RedactSecrets().filter(record)

    assert MARK in record.getMessage()
    assert secret not in record.getMessage()


def test_a_secret_in_a_traceback_is_replaced() -> None:
    try:
        int(JWT)
    except ValueError as error:
        raised = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "broke", (), raised)

    RedactSecrets().filter(record)

    assert JWT not in logging.Formatter().format(record)
