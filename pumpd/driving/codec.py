"""A family's frames, both directions: for its driver, its simulator, a trace of the wire and a fuzzer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pumpd.wire import Framer


@dataclass(frozen=True, slots=True)
class Codec:
    """`requests` cuts what a host sends, `replies` what a pump says; each call makes a new framer.

    `checked` tells the frames that carry an integrity check: one that was accepted must have been, byte for byte, in
    what was fed. A fuzzer asks.
    """

    requests: Callable[[], Framer[Any]]
    replies: Callable[[], Framer[Any]]
    checked: Callable[[Any], bool] = lambda _: False
