"""The budget of requests is kept, by however many threads at once."""

from itertools import pairwise

from fusebit_bridge.pace import Pace


def test_requests_leave_evenly_and_none_before_its_time() -> None:
    now = [100.0]
    pace = Pace(20.0, clock=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    left = []

    for _ in range(41):
        pace.wait()
        left.append(now[0])

    assert abs(left[-1] - left[0] - 2.0) < 1e-6
    assert all(after - before > 0.049 for before, after in pairwise(left))


def test_what_was_not_used_is_not_saved_up() -> None:
    now = [100.0]
    slept: list[float] = []
    pace = Pace(10.0, clock=lambda: now[0], sleep=slept.append)
    pace.wait()
    now[0] += 60

    pace.wait()
    pace.wait()

    assert [round(seconds, 3) for seconds in slept] == [0.1]
