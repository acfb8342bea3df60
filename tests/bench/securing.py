"""Secure and open one function again and again, call it each time: `python -m tests.bench.securing [--rounds 10000]`.

Prints how many answers were stale: 200 from a function that had just been secured, 403 from one just opened.
"""

import argparse
import time

from tests.embedded import EmbeddedFusebit, text_function


def alternate(server: EmbeddedFusebit, boundary: str, *, rounds: int) -> int:
    """Return how many of the calls right after a change were answered as before it."""
    path, run_path = server.f(boundary, "f"), server.run_path(boundary, "f")
    token, stale = server.token(exp=int(time.time()) + 24 * 3600), 0
    for number in range(rounds):
        mode = "none" if number % 2 else "required"
        specification = {**text_function(), "security": {"authentication": mode}}
        answer = server.request("PUT", path, json=specification, token=token)
        assert answer.status_code == 200, answer.text
        status = server.request("GET", run_path, token=None).status_code
        stale += status != (200 if mode == "none" else 403)
    return stale


def main() -> None:
    """Measure."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=10_000)
    rounds = options.parse_args().rounds
    server = EmbeddedFusebit().start()
    try:
        begun = time.perf_counter()
        stale = alternate(server, "b", rounds=rounds)
        seconds = time.perf_counter() - begun
    finally:
        server.stop()
    print(f"{rounds} alternations, each with a call, in {seconds:.1f} s ({rounds / seconds:.0f}/s): {stale} stale")


if __name__ == "__main__":
    main()
