"""The engineer's panel: the control port of simulated pumps, and the bytes of their lines.

It exists only where every pump of the gateway is simulated and `[bedside.bench]` names it (`pumpd.settings` checks).
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from pumpd import texts
from pumpd.bedside.bodies import BenchFault, BodyError
from pumpd.bedside.link import Control, NoControlError
from pumpd.settings import Settings

log = structlog.get_logger("pumpd.bedside")

WITHIN_S = 3.0
PACKETS = 100
UNREAD_AFTER_S = 10.0  # then a trace that no panel reads ends
FAULTS = {
    "occlusion": "the tube is closed",
    "stall": "the motor is blocked",
    "air": "a bubble of 0.2 mL enters the tube",
    "door": "door or syringe holder open",
    "empty": "the container is empty",
    "mains": "mains power is off",
    "free-flow": "flow past the motor",
    "silence": "the line is silent for 30 s",
    "garbled": "bytes are changed for 10 s",
    "hang": "the pump does not answer for 10 s",
    "power-cut": "the pump has no power for 5 s",
    "disconnect": "the cable is unplugged for 2 s",
    "front-panel": "the rate is changed at the pump's own panel",
}
_READING = ("pump_state", "rate_ml_h", "delivered_ml", "pressure_mmhg", "battery_percent", "age_s")


class Bench:
    def __init__(self, settings: Settings, control: Control) -> None:
        self._urls = dict(settings.bedside.bench) if settings.bedside else {}
        self._control = control
        self._traces: dict[str, _Trace] = {}

    @property
    def there(self) -> bool:
        return bool(self._urls)

    async def view(self, pump: str, state: Mapping[str, Any]) -> dict[str, Any]:
        """True and read values, faults, speed and the last packets of a pump. Raises BodyError."""
        url = self._url(pump)
        truth, clock = await asyncio.gather(
            asyncio.to_thread(_ask, f"{url}/truth", None), asyncio.to_thread(_ask, f"{_bench_address(url)}/clock", None)
        )
        now = [str(each) for each in (*truth.pop("faults", ()), *truth.pop("waiting_faults", ()))]
        shown: Mapping[str, Any] = next((each for each in state.get("pumps", ()) if each["pump"] == pump), {})
        known = {**(shown.get("infusion") or {}), **shown}
        trace = self._traces.get(pump)
        if trace is None or trace.over:
            trace = self._traces[pump] = _Trace(self._control, pump)
        return {
            "truth": {name: value for name, value in truth.items() if not isinstance(value, dict | list)},
            "reading": {name: known[name] for name in _READING if name in known},
            "faults": [
                {"name": name, "on": any(each.startswith(name) for each in now), "text": text}
                for name, text in FAULTS.items()
            ],
            "speed": clock.get("speed"),
            "trace": trace.packets(),
        }

    async def fault(self, pump: str, fault: BenchFault) -> dict[str, Any]:
        """Turn a fault on or off. Raises BodyError."""
        if fault.name not in FAULTS:
            raise BodyError(
                422,
                texts.text(
                    "bench.unknown_fault",
                    "name: unknown fault {fault}; known: {faults}",
                    fault=repr(fault.name),
                    faults=", ".join(FAULTS),
                ),
            )
        body = {"kind": fault.name} | ({} if fault.on else {"clear": True})
        return await asyncio.to_thread(_ask, f"{self._url(pump)}/fault", body)

    async def speed(self, speed: int) -> dict[str, Any]:
        """Run the simulated pumps this many times faster than real time. Raises BodyError."""
        urls = sorted({_bench_address(url) for url in self._urls.values()})
        for url in urls:
            await asyncio.to_thread(_ask, f"{url}/clock", {"speed": speed})
        return {"speed": speed}

    async def close(self) -> None:
        for trace in self._traces.values():
            await trace.end()

    def _url(self, pump: str) -> str:
        if pump not in self._urls:
            raise BodyError(
                404, texts.text("bench.no_pump", "bench: there is no simulated pump {pump}", pump=repr(pump))
            )
        return self._urls[pump]


class _Trace:
    """The last packets of a line, followed as long as a panel reads them."""

    def __init__(self, control: Control, pump: str) -> None:
        self._packets: deque[dict[str, str]] = deque(maxlen=PACKETS)
        self._asked = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._follow(control, pump), name=f"trace {pump}")

    @property
    def over(self) -> bool:
        return self._task.done()

    def packets(self) -> list[dict[str, str]]:
        self._asked = asyncio.get_running_loop().time()
        return list(self._packets)

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self, control: Control, pump: str) -> None:
        """Follow the line until control disconnects or this fails; the panel's next request starts a new trace."""
        try:
            async with contextlib.aclosing(control.trace(pump)) as packets:
                async for packet in packets:
                    self._packets.append(_packet(packet))
                    if asyncio.get_running_loop().time() - self._asked > UNREAD_AFTER_S:
                        return
        except NoControlError as error:
            log.info("trace_ended", pump=pump, why=str(error))
        except Exception:
            log.exception("trace_failed", pump=pump)


def _packet(packet: Mapping[str, Any]) -> dict[str, str]:
    data = bytes.fromhex(str(packet.get("hex", "")))
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
    ts = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"ts": ts, "direction": str(packet.get("way", "")), "text": f"{data.hex(' ')}  {text}"}


def _bench_address(url: str) -> str:
    """The address of the whole bench, which its pumps share."""
    return url.partition("/pumps/")[0]


def _ask(url: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
    """Raises BodyError with the simulator's reason."""
    import urllib.error  # noqa: PLC0415  # 0.5 MB that a gateway without simulated pumps does not need
    import urllib.request  # noqa: PLC0415  # as above

    asked = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode())  # noqa: S310  # http on loopback, as the settings check
    try:
        with urllib.request.urlopen(asked, timeout=WITHIN_S) as answer:  # noqa: S310  # as above
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            reason = error.read(4096).decode(errors="replace")
        raise BodyError(
            422 if error.code < 500 else 502, texts.text("bench.why", "bench: {why}", why=reason)
        ) from error
    except (OSError, ValueError) as error:
        raise BodyError(
            502, texts.text("bench.simulator_silent", "bench: the simulator does not answer: {why}", why=error)
        ) from error
    return found if isinstance(found, dict) else {}
