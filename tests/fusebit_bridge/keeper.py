"""Observe, plan, at most one write, observe: what the worker does with a user, without its rows."""

from contextlib import suppress

from fusebit_bridge.errors import Conflict, UnexpectedAnswer
from fusebit_bridge.permissions import Statement
from fusebit_bridge.plan import Block, Desired, plan
from fusebit_bridge.provisioner import Names, Provisioner
from fusebit_bridge.users import Identity, RemoteUser

NOBODY = Names()


class Keeper:
    """Knows which users it made; one look suffices when all is as it should be."""

    def __init__(self, provisioner: Provisioner) -> None:
        self.provisioner = provisioner
        self.known: dict[Identity, str] = {}

    def ensure(self, identity: Identity, wanted: frozenset[Statement], names: Names = NOBODY) -> RemoteUser:
        """Return the one user with this identity and exactly this access."""
        desired = Desired((identity,), wanted, known_id=self.known.get(identity, ""))
        seen = self.provisioner.observe(identity)
        for action in plan(desired, seen):
            assert not isinstance(action, Block), action
            with suppress(Conflict):
                self.provisioner.perform(action, names)
            seen = self.provisioner.observe(identity)
        if seen.user is None or plan(desired, seen):
            raise UnexpectedAnswer("not kept")
        self.known[identity] = seen.user.id
        return seen.user
