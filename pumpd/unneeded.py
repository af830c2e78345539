"""Modules that a process of the gateway does without.

Libraries import them if they are there, and work without them. On a gateway each costs memory and time for nothing.
`block` must run before anything imports them, and only in a process of its own: what is blocked is gone for all of it.
"""

import sys
from importlib.util import find_spec

# structlog: colours on a terminal, and a kind of thread that pumpd has not. shutil and zipfile: archives.
EVERYWHERE = ("rich", "greenlet", "bz2", "lzma")
# hashlib finds SHA-256 in OpenSSL (`_hashlib`) and in Python's own `_sha256`; the latter is enough.
OPENSSL = ("ssl", *(("_hashlib",) if find_spec("_sha256") or find_spec("_sha2") else ()))


def block(*names: str) -> None:
    """An import of one of these fails, as if it were not installed."""
    for name in names:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None is what makes an import fail
