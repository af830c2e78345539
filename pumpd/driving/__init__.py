"""What a driver is built from: settings and assumptions, questions and commands, the alarm latch, the keep-alive."""

from pumpd.driving.asking import RETRIES, DeclinedError, UnansweredError, outcome, port_failed, timed_out
from pumpd.driving.codec import Codec
from pumpd.driving.fit import program_reasons
from pumpd.driving.keep_alive import KeepAlive
from pumpd.driving.link_driver import LinkDriver
from pumpd.driving.settings import DriverSettings, assumed
from pumpd.texts import either, listed, named, of_error, text
from pumpd.wire import Lane, LineSettings, Side, join, now_ns

__all__ = [
    "RETRIES",
    "Codec",
    "DeclinedError",
    "DriverSettings",
    "KeepAlive",
    "Lane",
    "LineSettings",
    "LinkDriver",
    "Side",
    "UnansweredError",
    "assumed",
    "either",
    "join",
    "listed",
    "named",
    "now_ns",
    "of_error",
    "outcome",
    "port_failed",
    "program_reasons",
    "text",
    "timed_out",
]
