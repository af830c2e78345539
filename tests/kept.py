"""What a long run has done, a line each, in a file for the code that it ran: a run that was ended goes on."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parents[1]


def code(*folders: str) -> str:
    """A digest of every Python and TOML file in these folders of the repository."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".toml") and "node_modules" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


class Kept:
    """`digest`: of the code that runs. What was done with other code stays in a file of its own, and does not count."""

    def __init__(self, folder: Path, digest: str) -> None:
        self.path = folder / f"done-{digest}.jsonl"

    def lines(self) -> Iterator[dict[str, Any]]:
        if self.path.exists():
            with self.path.open(encoding="utf-8") as lines:  # may be a million
                for line in lines:
                    if line.endswith("\n"):  # else it was cut off when the run was ended
                        yield json.loads(line)

    @contextlib.contextmanager
    def more(self) -> Iterator[TextIO]:
        """The file, to append lines to. A last line that was cut off goes, or the next would be appended to it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and not (whole := self.path.read_bytes()).endswith(b"\n"):
            self.path.write_bytes(whole[: whole.rfind(b"\n") + 1])
        with self.path.open("a", encoding="utf-8") as file:
            yield file
