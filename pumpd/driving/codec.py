"""A family's frames in both directions: for its driver, its simulator, a trace of the wire and a fuzzer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pumpd.wire import Framer


@dataclass(frozen=True, slots=True)
class Codec:
    """`requests` frames what a host sends, `replies` what a pump sends; each call makes a new framer.

    `checked` is true for a frame that carries an integrity check. Such a frame, once accepted, must have been in the
    input byte for byte; the fuzzer tests this.
    """

    requests: Callable[[], Framer[Any]]
    replies: Callable[[], Framer[Any]]
    checked: Callable[[Any], bool] = lambda _: False
