"""Compares every user at Fusebit with our rows, a page of a hundred at a time, and says what differs.

Nothing is changed at Fusebit here: rows that differ are made due, and the worker's ordinary step does the rest.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from fusebit_bridge import door
from tenants.models import Comparison, FusebitUser, State
from tenants.services import remote_users

EVERY = timedelta(minutes=15)
KEPT_FOR = timedelta(days=7)
SHARE_OF_BUDGET = 0.05
LINES_KEPT = 1_000
CREATE, UPDATE, DELETE, ORPHAN, FOREIGN = VERBS = ("create", "update", "delete", "orphan", "foreign")


@dataclass(frozen=True)
class Line:
    """One difference: what will be done about it, or that nothing will be (`orphan`, `foreign`)."""

    verb: str
    subject: str
    fusebit_user: str = ""
    detail: str = ""


class Pass:
    """One comparison; each `step` costs one request."""

    def __init__(self, *, apply: bool = True, actor: User | None = None, asked: Comparison | None = None) -> None:
        now = timezone.now()
        self.record = asked or Comparison.objects.create(asked_at=now, started_at=now, applied=apply, actor=actor)
        self._begun = self.record.started_at or now
        self.apply = self.record.applied
        self.lines: list[Line] = []
        self._issuers = door.issuer_ids()
        self._pages = door.provisioner().pages()
        self._found: set[int] = set()
        self._users = 0

    def step(self) -> bool:
        """Compare one page; True when it was the last one and the comparison is written down."""
        users, following = next(self._pages)
        self._compare(users)
        if following:
            return False
        self._compare_unfound()
        self._write_down()
        return True

    def _compare(self, users: list[door.RemoteUser]) -> None:
        rows = _rows_of(users, self._issuers)
        self._users += len(users)
        in_line: list[int] = []
        for user in users:
            row = rows.get(user.id) or next((rows[identity] for identity in user.identities if identity in rows), None)
            if row is not None:
                self._found.add(row.pk)
                line = _difference(row, user)
                self._take(line, row) if line else in_line.append(row.pk)
            elif any(identity.issuer_id in self._issuers for identity in user.identities):
                subject = next(i.subject for i in user.identities if i.issuer_id in self._issuers)
                self.lines.append(Line(ORPHAN, subject, user.id, "no row of ours knows it"))
        FusebitUser.objects.filter(pk__in=in_line, state__in=[State.READY, State.SUSPENDED]).update(
            observed_at=timezone.now()
        )

    def _compare_unfound(self) -> None:
        """Take in the rows whose user was on no page: not there so far, or not there any more."""
        begun = Q(observed_at=None) | Q(observed_at__lt=self._begun)
        for row in FusebitUser.objects.filter(begun, absent=False).exclude(pk__in=self._found).iterator():
            detail = f"{row.remote_user_id} is gone" if row.remote_user_id else "not made so far"
            self._take(Line(CREATE, row.subject, "", detail), row)

    def _take(self, line: Line, row: FusebitUser) -> None:
        self.lines.append(line)
        if not self.apply or line.verb == FOREIGN:
            return
        same = FusebitUser.objects.filter(pk=row.pk)
        if row.state == State.DELETED:  # a request that we had given up came through after all
            same.want(State.DELETING, absent_since=None)
        else:
            same.filter(lease_until=None).make_due()

    def _write_down(self) -> None:
        record = self.record
        record.finished_at = timezone.now()
        record.seen = self._users
        record.counts = {verb: sum(line.verb == verb for line in self.lines) for verb in VERBS}
        record.lines = [asdict(line) for line in self.lines[:LINES_KEPT]]
        record.save()
        Comparison.objects.filter(asked_at__lt=timezone.now() - KEPT_FOR).delete()


def compare(*, apply: bool, actor: User | None = None) -> list[Line]:
    """Compare everything at once and return the differences; raise FusebitError when Fusebit cannot be asked."""
    comparison = Pass(apply=apply, actor=actor)
    while not comparison.step():
        pass
    return comparison.lines


def is_due(now: datetime) -> bool:
    """Tell whether the last comparison began too long ago."""
    return not Comparison.objects.filter(asked_at__gt=now - EVERY, applied=True).exists()


def last() -> Comparison | None:
    """Return the last comparison that came to its end."""
    return Comparison.objects.exclude(finished_at=None).first()


def _rows_of(users: Iterable[door.RemoteUser], issuers: frozenset[str]) -> dict[object, FusebitUser]:
    """Return the rows of these users, by the id of the user and by the identity that is searched by."""
    users = list(users)
    subjects = [identity.subject for user in users for identity in user.identities if identity.issuer_id in issuers]
    known = Q(remote_user_id__in=[user.id for user in users]) | Q(issuer_id__in=issuers, subject__in=subjects)
    rows: dict[object, FusebitUser] = {}
    for row in FusebitUser.objects.filter(known).select_related("user"):
        rows |= dict(_names(row))
    return rows


def _names(row: FusebitUser) -> Iterator[tuple[object, FusebitUser]]:
    if row.remote_user_id:
        yield row.remote_user_id, row
    yield door.Identity(row.issuer_id, row.subject), row


def _difference(row: FusebitUser, user: door.RemoteUser) -> Line | None:
    wanted = remote_users.wanted(row)
    actions = door.plan(wanted, door.Observation(door.Seen.PRESENT, user))
    if not actions:
        should_be_gone = "should not be there, and has what we did not give it"
        return Line(FOREIGN, row.subject, user.id, should_be_gone) if wanted.absent else None
    match actions[0]:
        case door.Replace(_, identities, access):
            what = [name for name, value in (("identities", identities), ("access", access)) if value is not None]
            return Line(UPDATE, row.subject, user.id, f"other {' and '.join(what)}")
        case door.Remove():
            return Line(DELETE, row.subject, user.id, "should not be there")
        case door.Block(_, detail):
            return Line(FOREIGN, row.subject, user.id, detail)
    return None
