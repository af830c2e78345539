"""Small JSON files of the control process: read whole, replaced whole: a power cut leaves the old or the new."""

import json
import os
from pathlib import Path
from typing import Any


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows; none when there is no file. Raises OSError, ValueError."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("not a list of entries")
    return rows


def write_rows(path: Path, rows: list[dict[str, Any]], *, mode: int) -> None:
    """Put these rows in the place of the old ones; what root writes stays the service's. Raises OSError."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        if os.geteuid() == 0:  # written by root for the service: it stays the service's
            owner = path.parent.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        json.dump(rows, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
