"""Logging of every pumpd process: text on a terminal, otherwise one JSON line per event.

- Both contain `ts` (UTC, for people) and `mono` (seconds, for intervals).
- Under journald a line starts with its priority, `<3>` for errors, so that `journalctl -p err` works.
- A traceback never shows local variables: they may hold keys or a patient's data.
- No text in it controls the terminal.
- A log that cannot be written (closed pipe, full disk) stops nothing.

Event names are snake_case and in the past tense, never f-strings; variable parts are fields.
"""

import contextlib
import io
import logging
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog
from structlog.processors import ExceptionRenderer, JSONRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

# Priorities as numbered by syslog.
_PRIORITY = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}


def set_up(level: str = "info", stream: TextIO | None = None) -> None:
    """Call once, at the start of a process. `stream` defaults to stderr. Raises ValueError for an unknown level."""
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None or level.lower() not in _PRIORITY:
        raise ValueError(f"log level {level!r} is not one of {', '.join(_PRIORITY)}")
    out = stream or sys.stderr
    processors: list[Processor] = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, _times]
    if out.isatty():
        colors = "NO_COLOR" not in os.environ
        processors.append(_fields_visible)
        processors.append(structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=_traceback))
    else:
        processors.append(ExceptionRenderer(ExceptionDictTransformer(show_locals=False)))
        processors.append(_json_with_priority if "JOURNAL_STREAM" in os.environ else _JSON)
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _Writer(out),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _FromLibraries) for handler in root.handlers):
        root.addHandler(_FromLibraries(logging.WARNING))


class _Writer:
    def __init__(self, out: TextIO) -> None:
        self._out = out

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._out.write(line + "\n")
            self._out.flush()

    log = debug = info = warning = error = critical = exception = msg


def _times(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"ts": now, "mono": round(time.monotonic(), 6), **event}


def _fields_visible(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {
        name: repr(value) if isinstance(value, str) and not value.isprintable() else value
        for name, value in event.items()
    }


def _traceback(out: TextIO, failure: structlog.typing.ExcInfo) -> None:
    """As structlog writes it, without anything that controls the terminal: errors quote what came from outside."""
    text = io.StringIO()
    structlog.dev.plain_traceback(text, failure)
    out.write(_visible(text.getvalue()))


def _visible(text: str) -> str:
    return "\n".join(line if line.isprintable() else repr(line)[1:-1] for line in text.split("\n"))


_JSON = JSONRenderer()


def _json_with_priority(logger: WrappedLogger, method: str, event: EventDict) -> str:
    line: Any = _JSON(logger, method, event)
    return f"<{_PRIORITY[event['level']]}>{line}"


class _FromLibraries(logging.Handler):
    """Writes what libraries log through `logging` (asyncio, uvicorn) to the same stream in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        level = min(record.levelno, logging.CRITICAL) // 10 * 10
        structlog.get_logger().log(level, _visible(record.getMessage()), logger=record.name, exc_info=record.exc_info)
