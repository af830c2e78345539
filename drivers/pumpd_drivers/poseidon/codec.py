r"""The Poseidon's wire format: bytes to frozen frames and back, in both directions.

Source: the published firmware and replies observed on it, as collected in the family's protocol sheet.

Promises:
- Sans-IO: no clock, no socket; no input raises; buffers are bounded.
- A request is read as the firmware reads it: a body of more than 63 characters is silently cut.
- There is no check sum. A reply counts only in full: its debugging lines repeat what the echo says, and must agree.
"""

import re
import struct
from dataclasses import dataclass

from pumpd_drivers.idle_nuls import without_idle_nuls

LONGEST_BODY = 63  # of a request: the firmware's buffer of 64, less the end of the text
LONGEST_REPLY = 1024  # more than this without an end is noise

_START, _END = ord("<"), ord(">")
_ATOF = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_ATOI = re.compile(r"\s*([+-]?\d+)")
_N = r"-?\d+\.\d\d"
_ECHO = re.compile(
    r"string\r\n(?P<motors>[^\r\n]*)\r\nStatus\r\n(?P<flags>(?:[01]\r\n){3})Status Distances\r\n"
    rf"(?P<distances>(?:{_N}\r\n){{3}})"
    r"<mode: (?P<mode>[^\r\n]*) ,setting: (?P<setting>[^\r\n]*) ,motorID: (?P<motor_id>-?\d+) "
    rf",value: (?P<value>{_N}) ,direction: (?P<direction>[^\r\n]*) "
    rf",p1 optional: (?P<p1>{_N}) ,p2 optional: (?P<p2>{_N}) ,p3 optional: (?P<p3>{_N}) ,Time (?P<time>\d+)>\r\n",
    re.ASCII,
)
_MOVE = re.compile(
    rf"Direction(?P<direction>-?1)\r\nStatus Distances\r\n(?P<distances>(?:{_N}\r\n){{3}})"
    rf"(?P<moves>(?:Sedding tomove command: {_N}\r\n)*)"
    r"Entering While Loop \r\n0\r\n(?P<flags>(?:[01]\r\n){3})(?P<sum>[0-3])\r\n",
    re.ASCII,
)
_READY = "<Arduino is ready>\r\n"
_LOOP = "Entering While Loop "
_AFTER_LOOP = 5  # lines after it that end the report of a move


def number(text: str) -> float:
    """A number as the firmware reads it (`atof`, 24 bits): 0 for a text that is none."""
    match = _ATOF.match(text)
    try:
        return float(struct.unpack("f", struct.pack("f", float(match[1])))[0]) if match else 0.0
    except OverflowError:
        return 0.0


def whole(text: str) -> int:
    """A whole number as the firmware reads it (`atoi`): 0 for a text that is none."""
    match = _ATOI.match(text)
    return int(match[1]) if match else 0


def shown(value: float) -> str:
    """A number as the firmware prints it: two places."""
    return f"{value:.2f}" if value else "0.00"


def flags(motors: str) -> tuple[int, int, int]:
    """The motors that a MOTORS field names: any text that contains their digits."""
    return int("1" in motors), int("2" in motors), int("3" in motors)


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not a frame."""

    raw: bytes

    def __str__(self) -> str:
        return f"garbage {self.raw!r}"


@dataclass(frozen=True, slots=True)
class Request:
    """Host to pump. Fields are texts, as sent; a field that is missing is empty."""

    mode: str
    setting: str
    motors: str
    value: str
    direction: str = "F"
    p1: str = "0.0"
    p2: str = "0.0"
    p3: str = "0.0"

    @property
    def begins(self) -> bool:
        """Whether it begins a flow. A RUN's VALUE, which the firmware ignores, numbers the slices of one start."""
        return self.mode == "RUN" and number(self.value) <= 1

    @property
    def body(self) -> str:
        return f"{self.mode},{self.setting},{self.motors},{self.value},{self.direction},{self.p1},{self.p2},{self.p3}"

    def to_bytes(self) -> bytes:
        return f"<{self.body}>".encode("latin-1")

    def __str__(self) -> str:
        return f"<{self.body}>"


@dataclass(frozen=True, slots=True)
class Echo:
    """Pump to host: what it understood, sent before it acts. `time` counts 512 ms since its power-up."""

    mode: str
    setting: str
    motors: str
    value: str
    direction: str
    distances: tuple[str, str, str]
    time: int

    @classmethod
    def of(cls, request: Request, time: int) -> "Echo":
        """The echo of a request."""
        p1, p2, p3 = (shown(number(text)) for text in (request.p1, request.p2, request.p3))
        value = shown(number(request.value))
        return cls(request.mode, request.setting, request.motors, value, request.direction, (p1, p2, p3), time)

    def to_bytes(self) -> bytes:
        moved = ("999999.00",) * 3 if self.setting == "RUN" else self.distances
        p1, p2, p3 = self.distances
        lines = ("string", self.motors, "Status", *map(str, flags(self.motors)), "Status Distances", *moved)
        echo = (
            f"<mode: {self.mode} ,setting: {self.setting} ,motorID: {whole(self.motors)} ,value: {self.value} "
            f",direction: {self.direction} ,p1 optional: {p1} ,p2 optional: {p2} ,p3 optional: {p3} ,Time {self.time}>"
        )
        return _lines(*lines, echo)

    def __str__(self) -> str:
        fields = (self.mode, self.setting, self.motors, self.value, self.direction, *self.distances)
        return f"echo of <{','.join(fields)}> at {self.time}"


@dataclass(frozen=True, slots=True)
class Move:
    """Pump to host, after the echo of a RUN or RESUME: a move begins. `moves` has the steps of each listed motor."""

    direction: int
    distances: tuple[str, str, str]
    moves: tuple[str, ...]
    motors: tuple[int, int, int]

    @classmethod
    def of(cls, request: Request) -> "Move":
        """The report of the move that a RUN orders."""
        way = -1 if request.direction == "B" else 1
        steps = [number(text) for text in (request.p1, request.p2, request.p3)]
        d1, d2, d3 = map(shown, steps)
        listed = flags(request.motors)
        moves = tuple(shown(way * each) for each, flag in zip(steps, listed, strict=True) if flag)
        return cls(way, (d1, d2, d3), moves, listed)

    def to_bytes(self) -> bytes:
        told = [f"Sedding tomove command: {steps}" for steps in self.moves]
        head = (f"Direction{self.direction}", "Status Distances", *self.distances, *told)
        return _lines(*head, _LOOP, "0", *map(str, self.motors), str(sum(self.motors)))

    def __str__(self) -> str:
        return f"move of {' and '.join(self.moves) or 'no motor'}"


@dataclass(frozen=True, slots=True)
class Ready:
    """Pump to host, unasked, after every power-up or reset."""

    def to_bytes(self) -> bytes:
        return _READY.encode("ascii")

    def __str__(self) -> str:
        return _READY.strip()


Reply = Echo | Move | Ready | Garbage


class RequestFramer:
    """What a pump receives: text outside `<` and `>` is ignored, and a new `<` begins the frame again."""

    def __init__(self) -> None:
        self._body: bytearray | None = None

    def reset(self) -> None:
        self._body = None

    def feed(self, data: bytes) -> list[Request]:
        frames = []
        for byte in data:
            if byte == _START:
                self._body = bytearray()
            elif self._body is not None and byte == _END:
                frames.append(_request(bytes(self._body)))
                self._body = None
            elif self._body is not None and len(self._body) < LONGEST_BODY:
                self._body.append(byte)
        return frames


def _request(body: bytes) -> Request:
    fields = [field for field in body.decode("latin-1").split(",") if field]  # empty fields do not count
    return Request(*(fields + [""] * 8)[:8])


class ReplyFramer:
    """What a host receives: a report of several lines ends with its last line."""

    def __init__(self) -> None:
        self._pending = b""
        self._lines: list[bytes] = []

    def reset(self) -> None:
        self._pending, self._lines = b"", []

    def feed(self, data: bytes) -> list[Reply]:
        *lines, self._pending = without_idle_nuls(self._pending + data).split(b"\r\n")
        frames: list[Reply] = []
        for line in lines:
            if self._lines and line in (b"string", b"Direction1", b"Direction-1") and self._lines != [b"string"]:
                frames += self._end()  # a report begins: what came before it has no end
            self._lines.append(line)
            if self._ends(line):
                frames += self._end()
        if len(self._pending) + sum(map(len, self._lines)) > LONGEST_REPLY:
            self._lines.append(self._pending)
            self._pending = b""
            frames += self._end()
        return frames

    def _ends(self, line: bytes) -> bool:
        if self._lines[0] == b"string":
            return len(self._lines) > 1 and line.startswith(b"<") and line.endswith(b">")
        if self._lines[0].startswith(b"Direction"):
            loop = _LOOP.encode("ascii")
            return loop in self._lines and len(self._lines) > self._lines.index(loop) + _AFTER_LOOP
        return True

    def _end(self) -> list[Reply]:
        raw = b"".join(line + b"\r\n" for line in self._lines)
        self._lines = []
        return [_reply(raw)]


def _reply(raw: bytes) -> Reply:
    text = raw.decode("latin-1")
    if text == _READY:
        return Ready()
    frame: Echo | Move | None = None
    if match := _ECHO.fullmatch(text):
        p1, p2, p3 = match.group("p1", "p2", "p3")
        mode, setting, motors, value, way = match.group("mode", "setting", "motors", "value", "direction")
        frame = Echo(mode, setting, motors, value, way, (p1, p2, p3), int(match["time"]))
    elif match := _MOVE.fullmatch(text):
        d1, d2, d3 = match["distances"].split()
        f1, f2, f3 = map(int, match["flags"].split())
        moves = tuple(re.findall(_N, match["moves"]))
        frame = Move(int(match["direction"]), (d1, d2, d3), moves, (f1, f2, f3))
    return frame if frame is not None and frame.to_bytes() == raw else Garbage(raw)  # the lines agree


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
