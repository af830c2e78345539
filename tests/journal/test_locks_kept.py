"""Looking why the journal cannot be opened takes no lock away that SQLite holds on the file in this process."""

import fcntl
import os
import subprocess
import sys

from pumpd.journal.reader import _cause

IS_FREE = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"


def test_the_cause_is_found_without_opening_the_file(tmp_path):
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"")
    with path.open("r+b") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)  # as SQLite's: closing any other descriptor of the file would end it
        assert _cause(path) == ""
        other = subprocess.run([sys.executable, "-c", IS_FREE, os.fspath(path)], check=False, capture_output=True)
    assert b"BlockingIOError" in other.stderr
