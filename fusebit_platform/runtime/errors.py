"""What can go wrong around a worker process.

RuntimeFault ─ NodeMissing · SpawnFailed · NodeFull · BadFrame · BadBuild
"""


class RuntimeFault(Exception):
    """Say in one safe sentence why no function can run."""


class NodeMissing(RuntimeFault):
    """There is no usable Node.js on this machine."""


class SpawnFailed(RuntimeFault):
    """A worker process could not be started."""


class NodeFull(RuntimeFault):
    """Every process this machine may have is busy."""


class BadFrame(RuntimeFault):
    """A worker wrote something that is not a frame; it is hostile or broken."""


class BadBuild(RuntimeFault):
    """A build names files that may not exist."""


class NpmFailed(RuntimeFault):
    """npm could not resolve or fetch packages; `module` is the one to blame, where that is known."""

    def __init__(self, code: str, summary: str, *, detail: str = "", module: str = "", log: str = "") -> None:
        super().__init__(summary)
        self.code = code
        self.summary = summary
        self.detail = detail
        self.module = module
        self.log = log or summary
