"""The files of the configuration: reading them, and the line of each key.

TOML's reader in Python keeps no lines, so they are looked for in the text. A line is there to help a person; when a key
cannot be found, as inside an inline table, the line of what holds it is given.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from pumpd.regular_file import content

DEFAULT_PATH = Path("/etc/pumpd/pumpd.toml")

Key = tuple[str | int, ...]

STATEMENT = "pumpd configuration 1"  # keeps its signature from being used for anything else

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]#]+?)\s*\]")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_ASSIGNED = re.compile(rf"^\s*((?:{_PART.pattern})(?:\s*\.\s*(?:{_PART.pattern}))*)\s*=")
_AT = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)$")
_TWICE = ("Cannot overwrite", "Cannot declare", "Cannot mutate", "Duplicate inline table key")


class Read:
    """What the files say together, what cannot be read, and where each key is."""

    def __init__(self, path: Path) -> None:
        """Read the file and then its drop-ins, `pumpd.d/*.toml` beside `pumpd.toml`, in sorted order."""
        self.path = path
        self.merged: dict[str, Any] = {}
        self.problems: list[str] = []
        self._digests: dict[str, str] = {}
        self._lines: list[tuple[Path, dict[Key, int]]] = []
        for file in (path, *sorted(path.with_suffix(".d").glob("*.toml"))):
            self._read(file)

    def _read(self, file: Path) -> None:
        text = ""
        try:
            raw = content(file)
            self._digests[str(file.relative_to(self.path.parent))] = hashlib.sha256(raw).hexdigest()
            text = raw.decode("utf-8-sig")  # some editors begin a file with a mark
            merge(self.merged, tomllib.loads(text, parse_float=Decimal))
        except FileNotFoundError:
            self.problems.append(
                f"{file}: cannot be read: there is no such file; name the configuration by --config or PUMPD_CONFIG"
            )
        except PermissionError:
            self.problems.append(f"{file}: cannot be read: this user may not; use a user of pumpd's group, or sudo")
        except OSError as error:
            self.problems.append(f"{file}: cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            self.problems.append(f"{file}:{line}: not valid TOML: a character is not UTF-8")
        except tomllib.TOMLDecodeError as error:
            self.problems.append(_not_toml(file, text, str(error)))
        else:
            self._lines.append((file, lines_of(text)))

    @property
    def statement(self) -> str:
        """What is signed: a title, and a line for each file that was read, in order, as `sha256sum` prints it."""
        return "".join([f"{STATEMENT}\n", *(f"{digest}  {name}\n" for name, digest in self._digests.items())])

    @property
    def digest(self) -> str:
        """SHA-256 of the statement: one value for the exact bytes of all files."""
        return hashlib.sha256(self.statement.encode()).hexdigest()

    def where(self, key: Sequence[str | int]) -> str:
        """`FILE:LINE` of the key, or of the nearest thing around it; the last file that has it counts. Without any
        line, the file.
        """
        for end in range(len(key), 0, -1):
            for file, lines in reversed(self._lines):
                if (line := lines.get(tuple(key[:end]))) is not None:
                    return f"{file}:{line}"
        return str(self.path)


def merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Tables merge; of anything else the later value wins."""
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def lines_of(text: str) -> dict[Key, int]:
    """The line of each key and table of valid TOML."""
    found: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    open_until = ""  # the end of a value of several lines
    for number, line in enumerate(text.splitlines(), start=1):
        if open_until:
            open_until = "" if open_until in line else open_until
        elif header := _HEADER.match(line):
            brackets, name = header.groups()
            table = _placed(_parts(name), counts, another=brackets == "[[")
            found.setdefault(table, number)
            found.setdefault(table[:1], number)
        elif assigned := _ASSIGNED.match(line):
            key = _parts(assigned[1])
            for end in range(1, len(key) + 1):
                found.setdefault((*table, *key[:end]), number)
            value = line[assigned.end() :].strip()
            quotes = next((each for each in ('"""', "'" * 3) if value.startswith(each)), "")
            open_until = quotes if quotes and value.count(quotes) == 1 else ""
    return found


def _placed(name: Key, counts: dict[Key, int], *, another: bool) -> Key:
    """The name of a table, with the number of the entry after each list of tables in it."""
    placed: Key = ()
    for number, part in enumerate(name, start=1):
        placed = (*placed, part)
        if another and number == len(name):
            counts[placed] = counts.get(placed, -1) + 1
        if placed in counts:
            placed = (*placed, counts[placed])
    return placed


def _parts(name: str) -> Key:
    return tuple(part.strip("\"'") for part in _PART.findall(name))


def _not_toml(file: Path, text: str, said: str) -> str:
    at = _AT.search(said)
    line = at[1] if at and at[1] else str(text.count("\n") + 1)
    place = f"{file}:{line}: not valid TOML" + (f" at column {at[2]}" if at and at[2] else "")
    if said.startswith(_TWICE):
        return f"{place}: a key or table is there twice; leave one of them"
    return f"{place}: a line is `key = value`, where text is in quotes and true, false and numbers are not"
