"""A signed library for a harness: the shipped one, signed with a key that is made once per run and not kept."""

import atexit
import shutil
import tempfile
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from pumpd.dosing import Library
from pumpd.library.files import CHECKOUT, read_library
from pumpd.library.signing import throwaway


@cache
def signed_toml() -> str:
    """Lines for the top of a configuration. A test that changes the files signs its own with `throwaway`."""
    folder = Path(tempfile.mkdtemp(prefix="pumpd-library-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return throwaway(CHECKOUT, folder / "library")


def signed() -> dict[str, Any]:
    """The same as settings."""
    return tomllib.loads(signed_toml())


@cache
def library() -> Library:
    return read_library(Path(signed()["library_dir"]))
