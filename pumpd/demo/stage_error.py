"""The error of the demo."""


class StageError(RuntimeError):
    """A part of the demo did not start or failed; the message says which, and why."""
