"""The command `pumpsim`: a simulated pump on a pseudo-terminal or a TCP port, with faults and a control port.

It prints `ready ADDRESS` on standard output once it serves, talks on standard error, and ends on SIGTERM or SIGINT
with exit status 0 and its link removed. Wrong use ends with status 2, a port that cannot be had with 1.
"""

import asyncio
import selectors
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, Protocol

import typer

from pumpd_simulators.bench import SimulatedPump
from pumpd_simulators.families import FAMILIES, new_era
from pumpd_simulators.faults import FACTS, Fault
from pumpd_simulators.port import PtyPort, TcpPort

WARNING = "SIMULATED pump. Not a cleared medical device: for simulation, research and integration only."
LOOPBACK = "127.0.0.1"

app = typer.Typer(
    help=f"Simulated infusion pumps that speak their real wire protocols. {WARNING}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def pumpsim() -> None:
    pass


@app.command("list")
def list_() -> None:
    """The families and models that can be simulated, and the faults."""
    for family in FAMILIES.values():
        print(f"{family.name:12} {', '.join(family.models):24} {family.title}")
    print()
    for kind, facts in FACTS.items():
        lasting = "" if facts.default_s is None else f" ({facts.default_s:g} s unless said otherwise)"
        print(f"{kind:14} {facts.meaning}{lasting}")


@app.command("new-era")
def new_era_(
    *,
    pty: Annotated[Path | None, typer.Option(help="make this path a link to a pseudo-terminal")] = None,
    tcp: Annotated[str | None, typer.Option(help="serve HOST:PORT instead (port 0: any)")] = None,
    model: Annotated[str, typer.Option(help=f"one of {', '.join(FAMILIES['new-era'].models)}")] = "ne-1000",
    address: Annotated[int, typer.Option(help="network address", min=0, max=99)] = 0,
    speed: Annotated[float, typer.Option(help="plant time runs this many times as fast; time-outs do not")] = 1.0,
    seed: Annotated[int, typer.Option(help="of the motor's error and of garbled bytes")] = 0,
    pacing: Annotated[bool, typer.Option(" /--no-pacing", help="bytes take the time of the baud rate")] = True,
    fault: Annotated[list[str] | None, typer.Option(help="KIND[:DETAIL][@TIME][/DURATION]; may be repeated")] = None,
    control: Annotated[str | None, typer.Option(help="HTTP control port, HOST:PORT or PORT")] = None,
) -> None:
    """A New Era NE-1000 as from power-up: basic mode, 19200 baud, A?R pending."""
    try:
        faults = [Fault.parse(text) for text in fault or []]
        where = None if tcp is None else _host_port(tcp, "--tcp")
        control_at = None if control is None else _host_port(control, "--control")
        if (pty is None) == (tcp is None):
            raise ValueError("give either --pty PATH or --tcp HOST:PORT")
        _run(
            _serve_new_era(
                pty=pty,
                tcp=where,
                control=control_at,
                model=model,
                address=address,
                speed=speed,
                seed=seed,
                pacing=pacing,
                faults=faults,
            )
        )
    except ValueError as error:
        _end(error, 2)
    except OSError as error:
        _end(error, 1)


def _run(service: Coroutine[Any, Any, None]) -> None:
    # epoll rounds waits up to a millisecond, a tenth of an exchange at 19200 baud; select does not.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(service)


async def _serve_new_era(
    *,
    pty: Path | None,
    tcp: tuple[str, int] | None,
    control: tuple[str, int] | None,
    model: str,
    address: int,
    speed: float,
    seed: int,
    pacing: bool,
    faults: list[Fault],
) -> None:
    pump = new_era(model=model, address=address, speed=speed, seed=seed, faults=faults)
    if tcp is not None:
        port: PtyPort | TcpPort = TcpPort(pump, *tcp, paced=pacing)
    else:
        port = PtyPort(pump, pty or Path(), paced=pacing)
    await serve(pump, port, control)


class Service(Protocol):
    async def close(self) -> None: ...


async def serve(pump: SimulatedPump, port: PtyPort | TcpPort, control: tuple[str, int] | None) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    served: list[Service] = []
    try:
        print(f"{pump.device.model}: {WARNING}", file=sys.stderr, flush=True)
        if control is not None:
            from pumpd_simulators.control import Control  # noqa: PLC0415 - costs half the start-up time

            await (web := Control(pump, *control)).open()
            served.append(web)
            print(f"control port {web.address}", file=sys.stderr, flush=True)
        await port.open()
        served.append(port)
        print(f"ready {port.address}", flush=True)
        await done.wait()
    finally:
        for service in reversed(served):
            await service.close()
        pump.shut()


def _host_port(text: str, option: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError(f"{option} {text!r} is not HOST:PORT, such as {LOOPBACK}:8440")
    return host.strip("[]") or LOOPBACK, int(port)


def _end(error: Exception, status: int) -> NoReturn:
    print(f"pumpsim: {error}", file=sys.stderr)
    raise SystemExit(status)


def main() -> None:
    app()
