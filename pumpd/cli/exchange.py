"""One connection to control, for the commands: a request and its answer.

Promise: importing this takes neither pydantic nor typer, which are half a second on a gateway: a stop does without
them (`exchange`). Every other command's answer is checked by pydantic (`ask`).
"""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pumpd.messages.answered import Answered, answered
from pumpd.messages.no_answer import UNWATCHED, NotConnected, not_connected

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pumpd.messages.requests import Answer

ANSWER_WITHIN_S = 10.0  # longer than control takes to refuse a request that waits for a disk
BUSY_FOR_S = 3.0  # how long a command tries again when control is starting or has too many connections
_AGAIN_S = 0.05

GO = "Go to the pump and see that it has stopped"
START = "Start pumpd: `pumpd run`, or `systemctl start pumpd-control` on a gateway"
DENIED = (
    "Use a user of the group that owns the socket (pumpd-operators on a gateway; a new member signs in again), or sudo"
)


class NoAnswerError(ConnectionError):
    """Control did not answer. The message says why, what that means for the pump, and what to do.

    `sent`: the request may have reached control, so it may have been carried out.
    """

    def __init__(self, text: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(text)


class ControlClient:
    """One connection to the operator socket. Raises NoAnswerError."""

    def __init__(self, path: Path, *, lock: Path | None = None, patience_s: float = 0) -> None:
        """`lock`: the file that control holds while it runs. `patience_s`: how long to try again while another try may
        succeed.
        """
        end = time.monotonic() + patience_s
        while True:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(ANSWER_WITHIN_S)
            try:
                self._socket.connect(str(path))
                break
            except OSError as error:
                self._socket.close()
                why = not_connected(path, error, lock)
                if not why.soon or time.monotonic() >= end:
                    raise NoAnswerError(f"{why} {_to_do(why)}.", sent=False) from error
            time.sleep(_AGAIN_S)
        self._file = self._socket.makefile("rwb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # the request's own error is already raised, and says more
            self._file.close()
        self._socket.close()

    def ask(self, request: BaseModel) -> Answer:
        line = self._answer(request.model_dump_json().encode())
        from pumpd.messages.requests import Answer  # noqa: PLC0415  # see the promise above

        try:
            return Answer.model_validate_json(line)
        except ValueError as error:  # pydantic's own is one
            raise _not_understood() from error

    def exchange(self, line: bytes) -> Answered:
        """Send the line of a request, and return the answer."""
        try:
            return answered(self._answer(line))
        except ValueError as error:
            raise _not_understood() from error

    def _answer(self, line: bytes) -> bytes:
        """Send the line of a request, and return the line that came back."""
        try:
            self._file.write(line + b"\n")
            self._file.flush()
            came = self._file.readline()
        except TimeoutError as error:
            raise NoAnswerError(
                f"Control took the connection and did not answer within {ANSWER_WITHIN_S:g} s: it is overloaded or "
                "hangs. It may still carry out the request; what the pumps do is not known here. Go to the pump, and "
                "stop it there if it runs; then read the log of control.",
                sent=True,
            ) from error
        except OSError as error:
            raise NoAnswerError(_ended(f" ({error.strerror or error})"), sent=True) from error
        if not came:
            raise NoAnswerError(_ended(), sent=True)
        return came


def _not_understood() -> NoAnswerError:
    return NoAnswerError(
        "What answered does not speak as this version of pumpd does: the command and control may be of "
        f"different versions. Whether it carried out the request is not known. {GO}.",
        sent=True,
    )


def _ended(why: str = "") -> str:
    return (
        f"Control closed the connection before it answered{why}: it ended, or refuses this user more connections. "
        f"Whether it carried out the request is not known. If it ended, {UNWATCHED}. {GO}; then ask for the status."
    )


def _to_do(why: NotConnected) -> str:
    if why.denied:
        return f"Nothing was sent to it. {DENIED}. If a pump must stop now, stop it at the pump"
    if why.soon:
        return "Nothing was sent to it. Try again in a moment. If a pump must stop now, stop it at the pump"
    if why.pumps == UNWATCHED:
        return f"{GO}. {START}"
    return "Nothing was sent to control. Stop at the pump if it must stop; then see what `socket` in the settings names"
