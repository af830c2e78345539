"""The command `pumpsim monitor`. It prints `ready TOPIC` once it is connected to its broker."""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Protocol

import click

from pumpd_simulators.clock import LoopClock
from pumpd_simulators.command_types import ADDRESS, SPEED, Text, ended_by_signal, exit_on_error
from pumpd_simulators.faults import seconds
from pumpd_simulators.monitor.faults import MonitorFault
from pumpd_simulators.monitor.monitor import Monitor
from pumpd_simulators.port import host_port

WARNING = "SIMULATED monitor. Not a cleared medical device: for simulation, research and integration only."


class Line(Protocol):
    """What the monitor publishes on."""

    connected: asyncio.Event

    def publish(self, message: bytes, retain: bool) -> None: ...  # noqa: FBT001 - called by position

    async def run(self) -> None: ...


def _interval(text: str) -> None:
    if seconds(text, "the cuff's interval") < 1:
        raise ValueError("a cuff measures at most once a second")


@click.command(help=f"A bedside monitor that publishes vital signs once a second to an MQTT broker. {WARNING}")
@click.option("--broker", type=ADDRESS, required=True, help="MQTT 5 broker, HOST:PORT or PORT")
@click.option("--topic", required=True, help="topic on which it publishes")
@click.option("--ca-file", type=click.Path(path_type=Path), help="use TLS; authorities that may sign the broker")
@click.option("--cert", type=click.Path(path_type=Path), help="certificate of this monitor")
@click.option("--key", type=click.Path(path_type=Path), help="key of the certificate")
@click.option("--patient", help="token of the patient, in each message [default: none]")
@click.option("--cuff", type=Text("TIME", _interval), default="5min", show_default=True, help="between blood pressures")
@click.option("--seed", type=int, default=0, show_default=True, help="the same seed gives the same patient")
@click.option("--speed", type=SPEED, default=1.0, show_default=True, help="speed of the monitor's time")
@click.option(
    "--fault", type=Text("FAULT", MonitorFault.parse), multiple=True, help="KIND[:DETAIL][@WHEN][/DURATION]; repeatable"
)
@click.option("--wait", is_flag=True, help="times of faults count from POST /begin, not from the monitor's start")
@click.option("--control", type=ADDRESS, help="HTTP control port, HOST:PORT or PORT")
def monitor(
    *,
    broker: str,
    topic: str,
    ca_file: Path | None,
    cert: Path | None,
    key: Path | None,
    patient: str | None,
    cuff: str,
    seed: int,
    speed: float,
    fault: tuple[str, ...],
    wait: bool,
    control: str | None,
) -> None:
    from pumpd_simulators.monitor.broker import BrokerLine  # noqa: PLC0415 - costs a tenth of a second, at every start

    async def serve() -> None:
        line = BrokerLine(*host_port(broker), topic, ca_file=ca_file, cert=cert, key=key)
        await _serve(line, topic, control, speed, seed, patient, cuff, fault, waits=wait)

    with exit_on_error():
        asyncio.run(serve())


async def _serve(
    line: Line,
    topic: str,
    control: str | None,
    speed: float,
    seed: int,
    patient: str | None,
    cuff: str,
    faults: tuple[str, ...],
    *,
    waits: bool,
) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP. Raises OSError for the control port."""
    done = ended_by_signal()
    print(f"{topic}: {WARNING}", file=sys.stderr, flush=True)
    async with contextlib.AsyncExitStack() as ends:
        connection = asyncio.create_task(line.run(), name="broker")
        ends.push_async_callback(_end, connection)
        connected = asyncio.create_task(line.connected.wait())
        ended = asyncio.create_task(done.wait())
        await asyncio.wait([connected, ended], return_when=asyncio.FIRST_COMPLETED)
        connected.cancel()
        here = Monitor(
            LoopClock(speed),
            line.publish,
            seed=seed,
            patient=patient,
            cuff_s=seconds(cuff, "the cuff's interval"),
            faults=[MonitorFault.parse(each) for each in faults],
            waits=waits,
        )
        ends.callback(here.shut)
        if control is not None:
            from pumpd_simulators.control import Control  # noqa: PLC0415 - costs half the start-up time
            from pumpd_simulators.monitor.control import MONITOR_ENDPOINTS  # noqa: PLC0415 - as above

            web = Control(here, *host_port(control), MONITOR_ENDPOINTS)
            await web.open()
            ends.push_async_callback(web.close)
            print(f"control port {web.address}", file=sys.stderr, flush=True)
        if not done.is_set():
            print(f"ready {topic}", flush=True)
        await ended


async def _end(task: asyncio.Task[None]) -> None:
    while not task.done():  # aiomqtt may swallow a cancellation
        task.cancel()
        await asyncio.wait([task], timeout=3.0)
