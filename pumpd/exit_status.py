"""With what a process or a command ends, besides 0 (docs/reference/exit-codes.md)."""

FAILED = 1  # attempted, and failed or without a known result
REFUSED = 2  # nothing was done: a configuration, a limit, a field that cannot be read
