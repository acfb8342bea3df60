"""Measure the management API inside one process: `python -m tests.bench.management [--users 100000] [--rounds 300]`.

`--only verify --rounds 10000` decides 100,000 requests; `--only users` lists as 100 callers among 100,000 users.

Requests go through the same application that the server runs, without the network: these are the server's own costs.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fusebit_platform.commands import credentials, serving

BASE_URL = "http://localhost:3001"
GRANTS = 10
CALLERS = 100
FILTERS = (
    "count=25",
    "count=100&include=all",
    "name=First5",
    "name=Last777",
    "name=First99999",
    "name=nobody",
    "email=u99999@",
    "email=nobody",
    "issuerId=issuer3",
    "issuerId=issuer3&subject=s%7C50003",
    "issuerId=issuer3&name=Last33",
    "issuerId=nobody",
)


class Bench:
    """A platform in a temporary directory, with its administrator."""

    def __init__(self, directory: str) -> None:
        opened = serving.open_platform(Path(directory) / "platform", BASE_URL)
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        serving._populate(opened, {})
        from fusebit_platform.asgi import get_application

        self.application = get_application()
        self.admin = opened.read(serving.ADMIN_FILE) or {}
        self.token = credentials.token({**self.admin}, BASE_URL)
        self.account = f"/v1/account/{self.admin['account']}"
        self.function = f"{self.account}/subscription/{self.admin['subscription']}/boundary/b/function"

    def call(self, method: str, path: str, body: Any = None, *, token: str = "") -> Any:
        """Send one request, as the administrator unless a token is given; return the answer."""
        content = b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        headers = [(b"authorization", f"Bearer {token or self.token}".encode()), (b"host", b"localhost:3001")]
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        scope = {"type": "http", "method": method, "scheme": "http", "path": path, "raw_path": path.encode()}
        answer = self.application.respond({**scope, "query_string": query.encode(), "headers": headers}, content)
        assert answer.status_code < 300, answer.content
        return answer


def measure(name: str, rounds: int, once: Callable[[int], object]) -> None:
    """Print rate and percentiles of one operation, by the clock and in CPU time, which nobody else lengthens."""
    for number in range(rounds // 20 + 1):
        once(-1 - number)
    times: list[float] = []
    costs: list[float] = []
    for number in range(rounds):
        begun, spent = time.perf_counter(), time.thread_time()
        once(number)
        costs.append(time.thread_time() - spent)
        times.append(time.perf_counter() - begun)
    times.sort()
    costs.sort()
    percentiles = ", ".join(f"p{p} {times[int(rounds * p / 100)] * 1000:.2f} ms" for p in (50, 95, 99))
    cpu = f"CPU p99 {costs[int(rounds * 0.99)] * 1000:.2f} ms"
    print(f"{name:45} {rounds / sum(times):8.0f}/s  {percentiles}, {cpu}", flush=True)


def verify_and_authorise(bench: Bench, rounds: int) -> None:
    """Measure a token that was never seen, of an agent with ten grants, and the decision."""
    from fusebit_platform import authentication, generation
    from fusebit_platform.authorization import permits

    access = [{"action": "function:*", "resource": f"/account/x/{number}"} for number in range(GRANTS - 1)]
    me = json.loads(bench.call("GET", f"{bench.account}/me").content)
    allow = [*access, *me["access"]["allow"]]
    bench.call("PATCH", f"{bench.account}/user/{me['id']}", {"access": {"allow": allow}})
    account = bench.admin["account"]

    def once(number: int) -> None:
        if number % 1000 == 0:
            bench.token = credentials.token({**bench.admin}, BASE_URL)  # it lives for two minutes
        generation.bump(agents=True)
        caller = authentication.authenticate(bench.token, account)
        assert permits(caller.access, "function:get", f"{bench.account}/x")

    measure("verify RS256 + read agent + authorise", rounds, once)
    bench.token = credentials.token({**bench.admin}, BASE_URL)
    decoded = authentication.decode(bench.token)
    key = authentication.issuer_key(account, decoded.claims["iss"], decoded.header)
    caller = authentication.authenticate(bench.token, account)

    def pure(_number: int) -> None:
        authentication.verify(authentication.decode(bench.token), key)
        assert permits(caller.access, "function:get", f"{bench.account}/x")

    measure("verify RS256 + authorise, rows at hand", rounds, pure)


def functions(bench: Bench, rounds: int) -> None:
    """Measure PUT and GET of functions."""

    def specification(number: int) -> dict[str, Any]:
        return {"nodejs": {"files": {"index.js": f"module.exports = async (ctx) => ({{body: {number}}});"}}}

    measure(
        "PUT function, durable", rounds, lambda n: bench.call("PUT", f"{bench.function}/f{n % 50}", specification(n))
    )
    measure("GET function", rounds, lambda n: bench.call("GET", f"{bench.function}/f{n % 50}"))
    measure("GET function list", rounds, lambda n: bench.call("GET", f"{bench.function}?include=all"))


def callers(bench: Bench) -> list[str]:
    """Return the tokens of a hundred agents that may list users."""
    allow = [{"action": "user:get", "resource": bench.account.removeprefix("/v1")}]
    pki, tokens = bench.admin["pki"], []
    for number in range(CALLERS):
        identity = {"issuerId": pki["issuer"], "subject": f"caller-{number}"}
        bench.call("POST", f"{bench.account}/client", {"identities": [identity], "access": {"allow": allow}})
        own = {**bench.admin, "pki": {**pki, "subject": identity["subject"]}}
        tokens.append(credentials.token(own, BASE_URL))
    return tokens


def users(bench: Bench, rounds: int, count: int) -> None:
    """Measure filters on many users."""
    from django.db import transaction

    from fusebit_platform.models import AccessEntry, Agent, Identity
    from fusebit_platform.services import agent_text

    account = bench.admin["account"]
    with transaction.atomic():
        Agent.objects.bulk_create(
            (
                Agent(
                    id=f"usr-{n:016x}",
                    account_id=account,
                    kind="user",
                    first_name=f"First{n}",
                    last_name=f"Last{n % 1000}",
                    primary_email=f"u{n}@example.com",
                )
                for n in range(count)
            ),
            batch_size=1000,
        )
        agent_text.remember(Agent.objects.filter(first_name__startswith="First"))
        numbers = list(Agent.objects.filter(first_name__startswith="First").values_list("number", flat=True))
        Identity.objects.bulk_create(
            (Identity(agent_id=n, account_id=account, issuer_id=f"issuer{n % 10}", subject=f"s|{n}") for n in numbers),
            batch_size=1000,
        )
        AccessEntry.objects.bulk_create(
            (AccessEntry(agent_id=n, action="function:*", resource=f"/account/{account}/{n}/") for n in numbers),
            batch_size=1000,
        )
    tokens = callers(bench)
    together = len(tokens) * len(FILTERS)

    def as_one_of_them(number: int) -> None:
        bench.call("GET", f"{bench.account}/user?{FILTERS[number % len(FILTERS)]}", token=tokens[number % len(tokens)])

    measure(f"{len(tokens)} callers, every filter", together, as_one_of_them)
    for query in FILTERS:
        measure(f"GET user?{query}", rounds, lambda _n, q=query: bench.call("GET", f"{bench.account}/user?{q}"))
    measure(
        "POST user with identity and access",
        rounds,
        lambda n: bench.call(
            "POST",
            f"{bench.account}/user",
            {
                "identities": [{"issuerId": "bench", "subject": str(n)}],
                "access": {"allow": [{"action": "function:*", "resource": "/account/x/"}]},
            },
        ),
    )


def main() -> None:
    """Measure everything."""
    options = argparse.ArgumentParser()
    options.add_argument("--users", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=300)
    options.add_argument("--only", choices=["verify", "functions", "users"])
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(directory)
        if chosen.only in {None, "verify"}:
            verify_and_authorise(bench, chosen.rounds * 10)
        if chosen.only in {None, "functions"}:
            functions(bench, chosen.rounds)
        if chosen.only in {None, "users"}:
            users(bench, chosen.rounds // 5, chosen.users)


if __name__ == "__main__":
    main()
