"""A running platform for the chapters of the contract."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.embedded import EmbeddedFusebit

ECHO = (
    "module.exports = async (ctx) => ({body: {...ctx, configuration: {A: ctx.configuration.A, env: process.env.A}}});"
)


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedFusebit]:
    """One server for the whole run; tests make names of their own."""
    server = EmbeddedFusebit().start()
    yield server
    server.stop()


@pytest.fixture
def boundary() -> str:
    """A boundary that nobody else uses."""
    return f"b-{secrets.token_hex(6)}"


class Place:
    """One function of one test."""

    def __init__(self, embedded: EmbeddedFusebit, boundary: str) -> None:
        self.embedded, self.boundary = embedded, boundary
        self.path = embedded.f(boundary, "f")
        self.url = embedded.run_path(boundary, "f")
        self.resource = self.path.removeprefix("/v1")

    def put(self, code: str = ECHO, **members: Any) -> "Place":
        answer = self.embedded.request("PUT", self.path, json={"nodejs": {"files": {"index.js": code}}, **members})
        assert answer.status_code == 200, answer.text
        return self

    def call(self, path: str = "", method: str = "GET", token: str | None = None, **options: Any) -> Any:
        return self.embedded.request(method, f"{self.url}{path}", token=token, **options)

    def ctx(self, path: str = "", method: str = "GET", token: str | None = None, **options: Any) -> Any:
        answer = self.call(path, method, token, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def place(embedded: EmbeddedFusebit, boundary: str) -> Place:
    """A function of this test alone."""
    return Place(embedded, boundary)
