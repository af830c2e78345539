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
from typing import Any, NoReturn, Protocol

import click

from pumpd_simulators.bench import SimulatedPump, simulate
from pumpd_simulators.family import Family, UnknownFamilyError, families, family
from pumpd_simulators.faults import FACTS
from pumpd_simulators.port import PtyPort, TcpPort
from pumpd_simulators.scenario import Scenario

WARNING = "SIMULATED pump. Not a cleared medical device: for simulation, research and integration only."
LOOPBACK = "127.0.0.1"

COMMON = [
    click.Option(["--pty"], type=click.Path(path_type=Path), help="make this path a link to a pseudo-terminal"),
    click.Option(["--tcp"], help="serve HOST:PORT instead (port 0: any)"),
    click.Option(["--speed"], type=float, default=1.0, show_default=True, help="of plant time; time-outs stay real"),
    click.Option(["--seed"], type=int, default=0, show_default=True, help="of the motor's error and garbled bytes"),
    click.Option(["--pacing/--no-pacing"], default=True, show_default=True, help="bytes take the line's time"),
    click.Option(["--fault"], multiple=True, help="KIND[:DETAIL][#UNIT][@WHEN][/DURATION]; may be repeated"),
    click.Option(["--scenario"], type=click.Path(path_type=Path), help="arm the faults of this scenario file"),
    click.Option(["--control"], help="HTTP control port, HOST:PORT or PORT"),
]


class Families(click.Group):
    """A command a family, made when it is asked for: its options are the fields of the family's options model."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *families()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        known = super().get_command(ctx, cmd_name)
        if known is not None:
            return known
        try:
            return _command(family(cmd_name))
        except UnknownFamilyError:
            return None
        except Exception as error:  # noqa: BLE001 - somebody else's code; the other families still work
            why = f"family {cmd_name} does not load: {error}"
            return click.Command(cmd_name, callback=lambda: _end(why, 1), short_help=f"(does not load: {error})")


def _command(chosen: Family) -> click.Command:
    own = []
    for name, field in chosen.options.model_fields.items():
        flag = name.replace("_", "-")
        if field.annotation is bool:
            declared, extra = f"--{flag}/--no-{flag}", {"default": field.default, "show_default": True}
        else:
            declared, extra = f"--{flag}", {"help": f"{field.description or ''} [default: {field.default}]"}
        own.append(click.Option([declared], **({"help": field.description} | extra)))
    model = click.Option(
        ["--model"], type=click.Choice(chosen.models), default=chosen.models[0], show_default=True, help="which pump"
    )

    def serve_family(**given: Any) -> None:
        options = {name: given.pop(name) for name in chosen.options.model_fields}
        _serve_family(chosen, {name: value for name, value in options.items() if value is not None}, **given)

    return click.Command(
        chosen.name,
        callback=serve_family,
        params=[COMMON[0], COMMON[1], model, *COMMON[2:], *own],
        help=f"{chosen.title}, as from power-up. {WARNING}",
        short_help=chosen.title,
    )


app = Families(
    name="pumpsim",
    help=f"Simulated infusion pumps that speak their real wire protocols. {WARNING}",
    no_args_is_help=True,
)


@app.command("list")
def list_() -> None:
    """The families and models that can be simulated, and the faults."""
    for name in families():
        try:
            chosen = family(name)
        except Exception as error:  # noqa: BLE001 - as above
            print(f"{name:17} does not load: {error}")
            continue
        print(f"{name:17} {', '.join(chosen.models):48} {chosen.title}")
    print()
    for kind, facts in FACTS.items():
        lasting = "" if facts.default_s is None else f" ({facts.default_s:g} s unless said otherwise)"
        print(f"{kind:17} {facts.meaning}{lasting}")


def _serve_family(
    chosen: Family,
    options: dict[str, Any],
    *,
    pty: Path | None,
    tcp: str | None,
    control: str | None,
    pacing: bool,
    model: str,
    speed: float,
    seed: int,
    fault: tuple[str, ...],
    scenario: Path | None,
) -> None:
    async def run() -> None:
        faults = [*fault, *(story.faults if story else ())]
        pump = simulate(chosen.name, model=model, options=options, speed=speed, seed=seed, faults=faults)
        paced = pacing and chosen.paced
        port = TcpPort(pump, *where, paced=paced) if where is not None else PtyPort(pump, pty or Path(), paced=paced)
        await serve(pump, port, control_at)

    try:
        story = Scenario.read(scenario) if scenario else None
        where = None if tcp is None else _host_port(tcp, "--tcp")
        control_at = None if control is None else _host_port(control, "--control")
        if (pty is None) == (tcp is None):
            raise ValueError("give either --pty PATH or --tcp HOST:PORT")
        _run(run())
    except ValueError as error:
        _end(error, 2)
    except OSError as error:
        _end(error, 1)


def _run(service: Coroutine[Any, Any, None]) -> None:
    # epoll rounds waits up to a millisecond, a tenth of an exchange at 19200 baud; select does not.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(service)


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


def _end(error: object, status: int) -> NoReturn:
    print(f"pumpsim: {error}", file=sys.stderr)
    raise SystemExit(status)


def main() -> None:
    app()
