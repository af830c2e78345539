"""The command `pumpsim`: simulated pumps on pseudo-terminals or TCP ports, with faults and a control port; a monitor.

It prints `ready ADDRESS` on standard output once it serves (`ready NAME ADDRESS` for each pump of a file), and messages
on standard error. It ends on SIGTERM, SIGINT or SIGHUP with exit status 0 and its links removed; on wrong use with
status 2; if a port cannot be opened, with 1.
"""

import asyncio
import contextlib
import selectors
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from pumpd_simulators.bench import Bench, SimulatedPump, simulate
from pumpd_simulators.bench_file import BenchFile, PumpEntry
from pumpd_simulators.cables import Outlet
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.command_types import ADDRESS, SPEED, Text, ended_by_signal, exit_on_error, exit_with
from pumpd_simulators.family import BrokenFamilyError, Family, UnknownFamilyError, families, family
from pumpd_simulators.faults import FACTS, QUIRKS, Fault, did_you_mean
from pumpd_simulators.monitor.command import monitor
from pumpd_simulators.monitor.faults import MEANINGS
from pumpd_simulators.port import PtyPort, TcpPort, host_port
from pumpd_simulators.scenario import Scenario

WARNING = "SIMULATED pump. Not a cleared medical device: for simulation, research and integration only."


COMMON = [
    click.Option(["--pty"], type=click.Path(path_type=Path), help="make this path a link to a pseudo-terminal"),
    click.Option(["--tcp"], type=ADDRESS, help="serve a TCP port instead (port 0: any free port)"),
    click.Option(
        ["--speed"], type=SPEED, default=1.0, show_default=True, help="speed of plant time; time-outs stay real"
    ),
    click.Option(
        ["--seed"], type=int, default=0, show_default=True, help="seed of the motor's error and garbled bytes"
    ),
    click.Option(["--pacing/--no-pacing"], default=True, show_default=True, help="bytes take their time on the line"),
    click.Option(
        ["--fault"],
        type=Text("FAULT", Fault.parse),
        multiple=True,
        help="KIND[:DETAIL][#UNIT][@WHEN][/DURATION]; may be repeated",
    ),
    click.Option(
        ["--quirk"],
        type=Text("QUIRK", Fault.quirk),
        multiple=True,
        help="what the line or the adapter always does: KIND[=DETAIL], such as latency=16ms; may be repeated",
    ),
    click.Option(["--scenario"], type=click.Path(path_type=Path), help="arm the faults and quirks of this scenario"),
    click.Option(["--control"], type=ADDRESS, help="HTTP control port, HOST:PORT or PORT"),
]


class Families(click.Group):
    """One command for each family, made on demand: its options are the fields of the family's options model."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *families()]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if not args[0].startswith("-") and args[0] not in known:
            near = did_you_mean(args[0], known)
            ctx.fail(f"family or command {args[0]!r} is not known{near}; known: {', '.join(known)}")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        known = super().get_command(ctx, cmd_name)
        if known is not None:
            return known
        try:
            return _command(family(cmd_name))
        except UnknownFamilyError:
            return None
        except BrokenFamilyError as error:  # third-party code; the other families still work
            why = str(error)
            return click.Command(cmd_name, callback=lambda: exit_with(why, 1), short_help=f"({why})")


def _command(chosen: Family) -> click.Command:
    fields, aliases = chosen.options.model_fields, chosen.options.aliases
    own = [_option(name, field) for name, field in fields.items()]
    own += [_option(name, fields[present], hidden=True) for name, present in aliases.items()]
    model = click.Option(
        ["--model"], type=click.Choice(chosen.models), default=chosen.models[0], show_default=True, help="model"
    )

    def serve_family(**given: Any) -> None:
        options = {name: given.pop(name) for name in (*fields, *aliases)}
        _serve_family(chosen, {name: value for name, value in options.items() if value is not None}, **given)

    return click.Command(
        chosen.name,
        callback=serve_family,
        params=[COMMON[0], COMMON[1], model, *COMMON[2:], *own],
        help=f"{chosen.title}, as after power-up. {WARNING}",
        short_help=chosen.title,
    )


def _option(name: str, field: FieldInfo, *, hidden: bool = False) -> click.Option:
    """None if it is not given: the model's own default then applies. The model checks a given value."""
    flag, default = f"--{name.replace('_', '-')}", field.default
    if field.annotation is bool:
        flag += f"/--no-{name.replace('_', '-')}"
    shown = {True: "on", False: "off"}[default] if isinstance(default, bool) else default
    if isinstance(default, tuple | list):
        shown = ",".join(str(each) for each in default)
    kind = click.Choice(get_args(field.annotation)) if get_origin(field.annotation) is Literal else None
    metavar = "NUMBER" if field.annotation in (int, float, Decimal) else None
    help_ = f"{field.description or ''} [default: {'none' if shown == '' else shown}]"
    return click.Option([flag], default=None, type=kind, metavar=metavar, help=help_, hidden=hidden)


app = Families(
    name="pumpsim",
    help=f"Simulated infusion pumps that use their real wire protocols. {WARNING}",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


app.add_command(monitor)


@app.command("list")
def list_() -> None:
    """List families, models, faults and quirks."""
    for name in families():
        try:
            chosen = family(name)
        except BrokenFamilyError as error:
            print(f"{name:17} {error}")
            continue
        print(f"{name:17} {', '.join(chosen.models):48} {chosen.title}")
    print()
    for kind, facts in FACTS.items():
        lasting = "" if facts.default_s is None else f" (default: {facts.default_s:g} s)"
        print(f"{kind:17} {facts.meaning}{lasting}")
    print(f"\nAlso as --quirk, from the beginning: {', '.join(QUIRKS)}")
    print("\nmonitor           a bedside monitor on an MQTT broker; its faults:")
    for fault, meaning in MEANINGS.items():
        print(f"{fault:17} {meaning}")


@app.command("serve", short_help="Serve several pumps from a TOML file")
@click.argument("file", type=click.Path(path_type=Path))
def serve_file(file: Path) -> None:
    """Serve several pumps in one process, as described in FILE (TOML; config/bench.toml is an example)."""
    with exit_on_error():
        _run(BenchFile.read(file), "ready {name} {address}")


def _serve_family(
    chosen: Family,
    options: dict[str, Any],
    *,
    pty: Path | None,
    tcp: str | None,
    fault: tuple[str, ...],
    quirk: tuple[str, ...],
    scenario: Path | None,
    model: str,
    **bench: Any,
) -> None:
    if (pty is None) == (tcp is None):
        raise click.UsageError("give either --pty PATH or --tcp HOST:PORT")
    with exit_on_error():
        story = Scenario.read(scenario) if scenario else None
        pump = PumpEntry(
            name=chosen.name,
            family=chosen.name,
            model=model,
            pty=pty,
            tcp=tcp,
            options=options,
            faults=(*fault, *(str(each) for each in (story.faults if story else ()))),
            quirks=(*quirk, *(story.pump.quirks if story else ())),
        )
        _run(BenchFile(pump=(pump,), **bench), "ready {address}")


def _run(bench: BenchFile, ready: str) -> None:
    # epoll rounds waits up to a millisecond, a tenth of an exchange at 19200 baud; select does not round.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(_serve(bench, ready))


async def _serve(bench: BenchFile, ready: str) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP. Raises ValueError for impossible pumps, OSError for ports."""
    done = ended_by_signal()
    clock = LoopClock(bench.speed)
    pumps: dict[str, SimulatedPump] = {}
    async with contextlib.AsyncExitStack() as ends:
        wrong: list[str] = []
        for place, entry in enumerate(bench.pump):
            try:
                pumps[entry.name] = pump = _pump(entry, bench.seed + place, clock)
            except ValueError as error:
                wrong.append(f"pump {entry.name}: {error}")
            else:
                ends.callback(pump.shut)
        if wrong:
            raise ValueError("; ".join(wrong))
        for name, pump in pumps.items():
            print(f"{name}: {pump.device.model}: {WARNING}", file=sys.stderr, flush=True)
        here = Bench(pumps, clock)
        ends.callback(here.shut)
        if bench.control is not None:
            from pumpd_simulators.control import Control  # noqa: PLC0415 - costs half the start-up time

            web = Control(here, *host_port(bench.control))
            await web.open()
            ends.push_async_callback(web.close)
            print(f"control port {web.address}", file=sys.stderr, flush=True)
        ports = {entry.name: _port(entry, here.outlets[entry.name], paced=bench.pacing) for entry in bench.pump}
        for port in ports.values():
            await port.open()
            ends.push_async_callback(port.close)
        for name, port in ports.items():
            print(ready.format(name=name, address=port.address), flush=True)
        await done.wait()


def _pump(entry: PumpEntry, seed: int, clock: LoopClock) -> SimulatedPump:
    seed = seed if entry.seed is None else entry.seed
    return simulate(
        entry.family,
        model=entry.model,
        options=entry.options,
        seed=seed,
        faults=entry.faults,
        quirks=entry.quirks,
        clock=clock,
    )


def _port(entry: PumpEntry, outlet: Outlet, *, paced: bool) -> PtyPort | TcpPort:
    paced = paced and family(entry.family).paced
    if entry.tcp is not None:
        return TcpPort(outlet, *host_port(entry.tcp), paced=paced)
    return PtyPort(outlet, entry.pty or Path(), paced=paced)


def main() -> None:
    app()
