"""A file that a tool prints from the code."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def write_or_check(file: Path, text: str) -> int:
    """Write the file, or with `--check` on the command line only compare it. Returns the exit status."""
    if "--check" not in sys.argv[1:]:
        file.write_text(text, encoding="utf-8")
    elif not file.exists() or file.read_text(encoding="utf-8") != text:
        print(f"{file.relative_to(ROOT)} is out of date: run `make table`", file=sys.stderr)
        return 1
    return 0
