"""How a command ends when it cannot do its work."""


class CommandError(Exception):
    """One sentence for the person at the terminal; the exit code is 1."""
