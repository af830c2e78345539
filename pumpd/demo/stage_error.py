"""How a part of the demo fails."""


class StageError(RuntimeError):
    """A part of the demo did not start or did not do its work; the message says which, and why."""
