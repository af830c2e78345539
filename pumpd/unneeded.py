"""Modules that a process of the gateway does without.

Libraries import them and work without them. On a gateway each costs memory and time for nothing.
`block` and `leave_empty` must run before anything imports them, and only in a process of its own: what is blocked is
gone for all of it.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from types import ModuleType

# structlog: colours on a terminal, and a kind of thread that pumpd has not. shutil and zipfile: archives.
EVERYWHERE = ("rich", "greenlet", "bz2", "lzma")
# hashlib finds SHA-256 in OpenSSL (`_hashlib`) and in Python's own `_sha256`; the latter is enough.
OPENSSL = ("ssl", *(("_hashlib",) if find_spec("_sha256") or find_spec("_sha2") else ()))

# What libraries of bedside import without asking, with the names that they take from there. Nothing uses them.
EMPTY_IN_BEDSIDE = {
    "uvicorn.main": ("Server", "main", "run"),  # its own command line, with click and multiprocessing: 2.2 MB
    "logging.config": (),  # for uvicorn's configuration of logging, of which it is given none: 0.3 MB
    "html.entities": ("html5",),  # for `html.unescape`, which nothing calls: 0.5 MB
}


def block(*names: str) -> None:
    """An import of one of these fails, as if it were not installed."""
    for name in names:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None is what makes an import fail


def leave_empty(modules: Mapping[str, Sequence[str]]) -> None:
    """An import of one of these finds an empty module, in which these names are None."""
    for name, wanted in modules.items():
        empty = ModuleType(name)
        vars(empty).update(dict.fromkeys(wanted))
        sys.modules.setdefault(name, empty)
