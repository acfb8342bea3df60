"""A function of one test, and the least that a specification says."""

from tests.embedded import EmbeddedFusebit

INDEX = {"nodejs": {"files": {"index.js": "module.exports = async (ctx) => ({body: 1});"}}}


class Place:
    """One function of one test."""

    def __init__(self, embedded: EmbeddedFusebit, boundary: str) -> None:
        self.embedded, self.boundary = embedded, boundary
        self.path = embedded.f(boundary, "f")

    def put(self, **members):
        return self.embedded.request("PUT", self.path, json={**INDEX, **members})

    def get(self, query=""):
        return self.embedded.request("GET", f"{self.path}{query}").json()

    def refused(self, body):
        answer = self.embedded.request("PUT", self.path, json=body)
        assert answer.status_code == 400, answer.text
        return answer.json()["message"]
