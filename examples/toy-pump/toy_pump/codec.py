"""The toy pump's frames: `TEXT*HH` and a line feed; HH is the sum of the text's bytes modulo 256 in hexadecimal.

A reply repeats the first word of its request, so that it cannot be mistaken for the reply to another one.
"""

from dataclasses import dataclass

LONGEST = 80


@dataclass(frozen=True, slots=True)
class Garbage:
    raw: bytes

    def __str__(self) -> str:
        return f"garbage {self.raw!r}"


@dataclass(frozen=True, slots=True)
class Frame:
    """Request: `ID`, `STATUS`, `SET 52.5 35`, `HELD`, `GO 10`, `HALT`. Reply: `ID OK toy-1 7`, `GO NO running`."""

    text: str

    @property
    def word(self) -> str:
        return self.text.partition(" ")[0]

    @property
    def rest(self) -> list[str]:
        return self.text.split(" ")[1:]

    def to_bytes(self) -> bytes:
        raw = self.text.encode("ascii")
        return raw + f"*{sum(raw) % 256:02X}\n".encode()

    def __str__(self) -> str:
        return self.text


class Framer:
    """The format is the same in both directions."""

    def __init__(self) -> None:
        self._pending = b""

    def reset(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[Frame | Garbage]:
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > LONGEST:
            lines.append(self._pending)
            self._pending = b""
        return [_decoded(line) for line in lines]


def _decoded(line: bytes) -> Frame | Garbage:
    text, star, check = line[:-3], line[-3:-2], line[-2:]
    if star != b"*" or check != f"{sum(text) % 256:02X}".encode():
        return Garbage(line)
    words = text.decode("ascii", "replace")
    return Frame(words) if words.isascii() and words.isprintable() else Garbage(line)
