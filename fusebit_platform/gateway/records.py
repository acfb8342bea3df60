"""What is remembered of every call, refused ones included."""

from collections import deque

from fusebit_platform.entries import RUNS_KEPT, Place, RunRow, Runs

KEPT_IN_ALL = 50_000


class Records:
    """The latest calls of each boundary; a writer takes them away in batches, on the same event loop."""

    def __init__(self, kept: int = RUNS_KEPT, kept_in_all: int = KEPT_IN_ALL) -> None:
        self._kept = kept
        self._room = self._kept_in_all = kept_in_all
        self._latest: dict[Place, deque[RunRow]] = {}

    def add(self, place: Place, run: RunRow) -> None:
        """Remember a call; the boundary's oldest is forgotten when nobody takes them away."""
        latest = self._latest.get(place)
        if latest is None:
            latest = self._latest[place] = deque(maxlen=self._kept)
        latest.append(run)
        self._room -= 1
        if not self._room:
            self._make_room()

    def take(self) -> Runs:
        """Return what has been added since the last time, each boundary's in the order in which it came."""
        taken, self._latest, self._room = self._latest, {}, self._kept_in_all
        return taken

    def put_back(self, taken: Runs) -> None:
        """Take up again what could not be written, before what has come since."""
        since = self.take()
        for batch in (taken, since):
            for place, runs in batch.items():
                for run in runs:
                    self.add(place, run)

    def _make_room(self) -> None:
        """Count what there really is, and forget whole boundaries, those first that have waited longest.

        There is room for many then, so that a flood of boundaries is not counted again with each of its calls.
        """
        self._room = self._kept_in_all - sum(map(len, self._latest.values()))
        while self._room * 10 < self._kept_in_all:
            self._room += len(self._latest.pop(next(iter(self._latest))))
