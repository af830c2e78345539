"""What every command of `pumpsim` uses: types of options, its end by a signal, and its exit with an error."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn

import click

from pumpd_simulators.clock import FASTEST
from pumpd_simulators.port import host_port


class Text(click.ParamType[str]):
    """Text that `check` accepts, or refuses with a ValueError that lists what is accepted."""

    def __init__(self, name: str, check: Callable[[str], object]) -> None:
        self.name, self._check = name, check

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            self._check(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return value


ADDRESS = Text("HOST:PORT", host_port)
SPEED = click.FloatRange(0, FASTEST, min_open=True)


def ended_by_signal() -> asyncio.Event:
    """An event that SIGTERM, SIGINT and SIGHUP set."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores it
            loop.add_signal_handler(number, done.set)
    return done


@contextlib.contextmanager
def exit_on_error() -> Iterator[None]:
    """Print an error that occurs before anything is served in one line, and exit."""
    try:
        yield
    except ValueError as error:
        exit_with(error, 2)
    except OSError as error:
        exit_with(error, 1)


def exit_with(error: object, status: int) -> NoReturn:
    print(f"pumpsim: {error}", file=sys.stderr)
    raise SystemExit(status)
