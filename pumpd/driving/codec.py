"""A family's frames, both directions: for its driver, its simulator, a trace of the wire and a fuzzer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pumpd.wire import Framer


@dataclass(frozen=True, slots=True)
class Codec:
    """`requests` cuts what a host sends, `replies` what a pump says; each call makes a new framer."""

    requests: Callable[[], Framer[Any]]
    replies: Callable[[], Framer[Any]]
