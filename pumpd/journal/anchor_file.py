"""A second small file beside the journal, which shows that the journal lost its newest entries (PWR-15).

It holds the number and hash of a recent entry, and the newest orders as far as doses need them. It is written after the
entries that it names are on disk, so it is never ahead of the journal: a journal without that entry lost it, was
replaced, or was rewritten. What the orders in it can have given then counts at its worst case.

Each part has two places, written in turn, each with its own checksum: a write that is cut off by a power failure
leaves the previous one.
"""

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pumpd.journal.records import START, Anchor, Record, canonical
from pumpd.texts import text

MOST_ORDERS = 12  # more than a gateway has pumps; each some 700 bytes
_PAGE = 4096  # bytes of a page, of a disk and of the kernel's memory
# Where the two places of each part begin, and the bytes of one.
_NEWEST, _ORDERS = (0, _PAGE), (2 * _PAGE, 8 * _PAGE)
_PARTS, _SIZE = (_NEWEST, _ORDERS), 18 * _PAGE
_MARK = "pumpd-anchor-1"


class AnchorError(Exception):
    """The file exists and cannot be read or written; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """An `order_accepted` entry, with the part of its body from which a dose is computed."""

    ts: str
    pump: str
    session: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    newest: Anchor = START
    orders: tuple[Order, ...] = ()


def anchor_path(journal: Path) -> Path:
    """Where the anchor of a journal is: `journal.anchor` beside `journal.sqlite3`."""
    return journal.with_suffix(".anchor")


def order_of(entry: Record) -> Order | None:
    """What is kept of an order; None when it cannot be read."""
    try:
        program = entry.fields["program"]
        prescription, drug = program["prescription"], program["entry"]
        kept = {
            "prescription": _some(prescription, "patient", "course", "weight", "weight_basis", "entry", "container"),
            "entry": _some(drug, "drug", "substance", "concentration"),
            "pump_program": {"steps": program["pump_program"]["steps"]},
            **_some(program, "dose", "treatment"),
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Order(entry.ts, entry.pump, entry.session, {"program": kept})


def _some(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: fields[name] for name in names if name in fields}


class AnchorFile:
    """Read and written by the journal's only writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turns = dict.fromkeys(_PARTS, 0)

    def read(self) -> Kept | None:
        """What it holds; None when there is none yet. Raises AnchorError when the file holds nothing readable."""
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AnchorError(
                text("journal.anchor_unreadable", "{path} cannot be read: {why}", path=self.path, why=error.strerror)
            ) from error
        found = {part: _newer(raw, *part) for part in _PARTS}
        newest, orders = found[_NEWEST], found[_ORDERS]
        if newest is None or orders is None:
            raise AnchorError(text("journal.anchor_damaged", "{path} is damaged", path=self.path))
        self._turns = {_NEWEST: newest[0], _ORDERS: orders[0]}
        try:
            return Kept(Anchor.parse(newest[1]), tuple(Order(*each) for each in json.loads(orders[1])))
        except (ValueError, TypeError) as error:
            raise AnchorError(text("journal.anchor_damaged", "{path} is damaged", path=self.path)) from error

    def write(self, newest: Anchor, orders: Sequence[Order], *, orders_changed: bool = True) -> None:
        """Write the newest entry, and the orders if they have changed, and wait until they are on disk.

        Raises AnchorError.
        """
        try:
            if not self.path.exists():
                self._create(newest, orders)
                return
            with _opened(self.path) as file:
                if orders_changed:
                    self._put(file, _ORDERS, _text(orders))
                self._put(file, _NEWEST, str(newest))
                os.fdatasync(file)
        except OSError as error:
            raise AnchorError(
                text(
                    "journal.anchor_unwritten",
                    "{path} cannot be written: {why}",
                    path=self.path,
                    why=error.strerror or error,
                )
            ) from error

    def _create(self, newest: Anchor, orders: Sequence[Order]) -> None:
        """As a whole or not at all; all its places are on disk then, so that no later write needs room."""
        made = self.path.with_name(self.path.name + ".new")
        with _opened(made) as file:
            for at in range(0, _SIZE, _PAGE):  # what is written as one piece stays one: 64 KiB for each later write
                os.pwrite(file, bytes(_PAGE), at)
            self._put(file, _ORDERS, _text(orders))
            self._put(file, _NEWEST, str(newest))
            os.fsync(file)
        made.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _put(self, file: int, part: tuple[int, int], text: str) -> None:
        self._turns[part] += 1
        body = f"{_MARK} {self._turns[part]} {text}".encode()
        at, size = part
        os.pwrite(file, f"{zlib.crc32(body):08x} {len(body)} ".encode() + body, at + self._turns[part] % 2 * size)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def _text(orders: Sequence[Order]) -> str:
    """The newest orders that there is room for."""
    kept = [[each.ts, each.pump, each.session, each.body] for each in orders[-MOST_ORDERS:]]
    while len((text := canonical(kept)).encode()) > _ORDERS[1] - 100:
        kept = kept[1:]
    return text


def _newer(raw: bytes, at: int, size: int) -> tuple[int, str] | None:
    """The newer of two places, as its turn and text; None when neither is intact."""
    found = [place for each in (0, 1) if (place := _place(raw[at + each * size : at + (each + 1) * size])) is not None]
    return max(found, default=None)


def _place(raw: bytes) -> tuple[int, str] | None:
    try:
        check, length, rest = raw.split(b" ", 2)
        body = rest[: int(length)]
        mark, turn, text = body.decode().split(" ", 2)
        return (int(turn), text) if mark == _MARK and zlib.crc32(body) == int(check, 16) else None
    except ValueError:
        return None
