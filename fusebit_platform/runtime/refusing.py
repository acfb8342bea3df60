"""The runtime of a machine that cannot isolate functions: it runs none."""

from fusebit_platform.runtime.builds import Build, Reply, failure


class Refusing:
    """Stand where the pool would stand."""

    def submit(self, build: Build, payload: bytes, reply: Reply, trace_id: str = "") -> None:
        """Refuse a call with 503."""
        reply(failure(503, "Runtime isolation is unavailable.", kind="", cause="platform", source="proxy"))

    async def start(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""
