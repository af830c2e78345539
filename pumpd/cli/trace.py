"""`pumpd trace`: the decoded frames of a live line, in both directions, with times. It can save and replay them."""

import contextlib
import json
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from pumpd.cli.client import CONFIG, Config, Json, fail, load_settings, refuse
from pumpd.cli.terminal import say, say_json
from pumpd.driving.codec import Codec
from pumpd.driving.trace import Packet, decoded
from pumpd.messages.no_answer import not_connected
from pumpd.messages.requests import Answer, TraceRequest
from pumpd.pump import UnknownFamilyError, family
from pumpd.text import cause, shown

VERSION = 1


def trace(
    pump: Annotated[str | None, typer.Argument(help="A configured pump, live from the control process.")] = None,
    *,
    replay: Annotated[Path | None, typer.Option(help="Show a saved trace instead.")] = None,
    save: Annotated[Path | None, typer.Option(help="Also write the packets to this file.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after this many packets.")] = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Show the frames on a pump's line. This changes nothing at the pump; Ctrl-C ends it."""
    if (pump is None) == (replay is None):
        refuse(["trace: give a PUMP, or --replay FILE"], as_json=as_json)
    with contextlib.ExitStack() as stack, contextlib.suppress(KeyboardInterrupt):
        try:
            head, lines = _saved(replay, stack) if replay else _live(str(pump), config, stack, as_json=as_json)
            codec = _codec(str(head.get("driver")))
            out = stack.enter_context(save.open("w", encoding="utf-8")) if save else None
        except (OSError, ValueError) as error:
            refuse([f"trace: {cause(error)}"], as_json=as_json)
        if out is not None:
            _keep(out, json.dumps({"pumpd_trace": VERSION, **head}))
        try:
            _show(decoded(_packets(lines, count, out), codec), as_json=as_json)
        except (OSError, ValueError) as error:
            fail(f"trace ended: {cause(error)}. The pump is not affected.", as_json=as_json)


def _codec(driver: str) -> Codec:
    """The codec of a driver's family. Raises ValueError when there is none."""
    try:
        codec = getattr(family(driver), "codec", None)
    except UnknownFamilyError as error:
        raise ValueError(str(error.args[0])) from error
    if not isinstance(codec, Codec):
        raise ValueError(f"driver {driver} has no codec to decode its frames")  # noqa: TRY004
    return codec


def _saved(path: Path, stack: contextlib.ExitStack) -> tuple[dict[str, Any], Iterable[str]]:
    file = stack.enter_context(path.open(encoding="utf-8"))
    try:
        head = json.loads(file.readline() or "null")
    except RecursionError:
        head = None
    if not isinstance(head, dict) or head.pop("pumpd_trace", None) != VERSION:
        raise ValueError(f"{path} is not a trace that this version can read (see its first line)")
    return head, file


def _live(pump: str, config: Path, stack: contextlib.ExitStack, *, as_json: bool) -> tuple[dict[str, Any], TextIO]:
    settings = load_settings(config, as_json=as_json)
    connection = stack.enter_context(socket.socket(socket.AF_UNIX))
    try:
        connection.connect(str(settings.socket_path))
    except OSError as error:
        why = not_connected(settings.socket_path, error, settings.lock_path)
        fail(f"{why} A trace changes nothing at the pump.", as_json=as_json)
    stream = stack.enter_context(connection.makefile("rw", encoding="utf-8"))
    stream.write(TraceRequest(pump=pump).model_dump_json() + "\n")
    stream.flush()
    answer = Answer.model_validate_json(stream.readline())
    if not answer.ok:
        refuse(answer.reasons, as_json=as_json)
    return answer.result, stream


def _packets(lines: Iterable[str], count: int | None, out: TextIO | None) -> Iterator[Packet]:
    for number, line in enumerate(lines, start=1):
        packet = Packet.from_json(line)
        if out is not None:
            _keep(out, packet.to_json())
        yield packet
        if number == count:
            return


def _keep(out: TextIO, line: str) -> None:
    out.write(line + "\n")
    out.flush()


def _show(packets: Iterable[tuple[Packet, tuple[object, ...]]], *, as_json: bool) -> None:
    began: int | None = None
    for packet, frames in packets:
        began = packet.t_ns if began is None else began
        if as_json:
            say_json({**json.loads(packet.to_json()), "frames": [str(frame) for frame in frames]})
            continue
        arrow = "->" if packet.way == "out" else "<-"
        text = shown("; ".join(str(frame) for frame in frames)) or "..."
        say(f"{(packet.t_ns - began) / 1e9:12.6f} {arrow} {text}   [{packet.data.hex(' ')}]")
