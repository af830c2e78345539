"""The live state that tablets show, as JSON data: a line at each change and each second to whoever watches.

Promises:
- Looking changes nothing, and a watcher that does not read costs a pump nothing: its line waits, it does not queue.
- Every alarm that is active is in it, the pumps' and the gateway's own.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from pumpd.control.alarms.service import AlarmService
from pumpd.control.alarms.sounder import Sounder
from pumpd.control.confirming.review import status_of
from pumpd.control.infusions.runner import PumpRunner
from pumpd.control.journal_health import JournalHealth
from pumpd.control.observation.observation import VITALS_EVERY_NS, Observation
from pumpd.control.observation.service import ObservationService, summary
from pumpd.control.ordering.library_check import LibraryCheck
from pumpd.control.ordering.service import OrderingService
from pumpd.dosing import Library
from pumpd.dosing.limits import shown
from pumpd.dosing.prescription import WeightBasis
from pumpd.host.clock import Clock
from pumpd.host.supply import SupplyWatch
from pumpd.infusion import State
from pumpd.infusion.advance import RESUMABLE
from pumpd.journal.store import timestamp
from pumpd.messages.requests import DISCLAIMER
from pumpd.settings import Settings

EVERY_S = 1.0
LEAST_APART_S = 0.1
NS = 10**9

LOSS_OF_CONTROL_WORDS = {
    "native": "the pump stops by its own watchdog",
    "deadman": "the deadman process stops the pump",
    "vtbi_only": "the pump goes on to the programmed volume",
}


class Live:
    def __init__(
        self,
        settings: Settings,
        runners: Mapping[str, PumpRunner],
        alarms: AlarmService,
        observations: ObservationService,
        ordering: OrderingService,
        library_check: LibraryCheck,
        health: JournalHealth,
        sounder: Sounder | None,
        supply: SupplyWatch | None,
        tablets: Callable[[], dict[str, dict[str, Any]]],
        clock: Clock,
    ) -> None:
        """`tablets`: every paired tablet, by the id of its key, with the person signed in on it."""
        self._settings, self._runners, self._clock = settings, runners, clock
        self._alarms, self._observations, self._ordering = alarms, observations, ordering
        self._library_check, self._health = library_check, health
        self._sounder, self._supply, self._tablets = sounder, supply, tablets
        self._watchers: set[asyncio.Event] = set()

    def change(self) -> None:
        for watcher in self._watchers:
            watcher.set()

    async def show(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Write a line at each change and at least each second, until the client goes away."""
        changed = asyncio.Event()
        self._watchers.add(changed)
        gone = asyncio.create_task(reader.read(1), name="watch client")
        try:
            while not gone.done():
                changed.clear()
                writer.write(json.dumps(self.state(), ensure_ascii=False).encode() + b"\n")
                await writer.drain()
                await asyncio.wait((gone,), timeout=LEAST_APART_S)
                if not changed.is_set():
                    there = asyncio.create_task(changed.wait(), name="watch change")
                    await asyncio.wait((gone, there), timeout=EVERY_S - LEAST_APART_S, return_when="FIRST_COMPLETED")
                    there.cancel()
        finally:
            self._watchers.discard(changed)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)

    def state(self) -> dict[str, Any]:
        settings, alarms, sounder = self._settings, self._alarms, self._sounder
        return {
            "gateway": settings.gateway,
            "statement": DISCLAIMER,
            "ts": timestamp(self._clock.now()),
            "time_scale": self._clock.scale,
            "utc_offset_min": self._clock.utc_offset_min(),
            "simulated": any(pump.simulated for pump in settings.pumps),
            "clock_synchronized": settings.clock_trusted or self._clock.kernel().synchronized,
            "journal_problem": self._health.problem or None,
            "library": self._library_check.status,
            "tablets_connected": len(alarms.tablets),
            "alarm_output": None if sounder is None else sounder.problem or "ok",
            "supply": None if self._supply is None else self._supply.data(),
            "audio": alarms.audio,
            "alarms": alarms.of_pump(""),
            "pumps": [self._pump(runner) for runner in self._runners.values()],
            "tablets": self._tablets(),
        }

    def status(self) -> dict[str, Any]:
        """Everything that `pumpd status` and `pumpd watch` show."""
        now = self._clock.monotonic_ns()
        return {
            "notice": DISCLAIMER,
            "gateway": self._settings.gateway,
            "time_scale": self._settings.simulation.time_scale,
            "journal": self._health.fault or "ok",
            "library": self._library_check.status,
            "supply": None if self._supply is None else self._supply.data(),
            "alarms": self._alarms.of_pump(""),
            "pumps": [
                status_of(runner, now) | {"alarms": self._alarms.of_pump(runner.name)}
                for runner in self._runners.values()
            ],
        }

    def _pump(self, runner: PumpRunner) -> dict[str, Any]:
        now = self._clock.monotonic_ns()
        reading, infusion = runner.reading, runner.infusion
        observations = self._observations.of_pump(runner.name)
        found = status_of(runner, now) | {
            # Seconds of the line, which does not run faster: so that 7 and 15 mean the same at every speed.
            "age_s": None if reading is None else self._line_s(now - reading.asked_ns),
            "pressure_mmhg": reading.pressure_mmhg if reading else None,
            "battery_percent": reading.battery_percent if reading else None,
            "loss_of_control": [each.value for each in runner.capabilities.loss_of_control]
            if runner.capabilities
            else [],
            "loss_of_control_text": _loss_of_control_text(runner),
            "links": {"pump": "lost" if runner.problem or runner.missing else "ok"},
            "alarms": self._alarms.of_pump(runner.name),
            "observations": [self._observation(each, now) for each in observations],
            "summary": None,
            "course": None,
        }
        if infusion is None:
            return found
        session, course = self._ordering.courses.get(runner.name, ("", None))
        lease = infusion.lease_until_ns
        found |= {
            "pause": self._pause(runner, now),
            "flow_profile": [
                {"rate_ml_h": step.rate.number, "volume_ml": step.volume.number}
                for step in infusion.segment.program.steps
            ],
            "ends_ts": self._ends(runner, now),
            "lease_s": None if lease is None else max(0, self._line_s(lease - now)),
            "course": course if session == infusion.place.session else None,
        }
        rest = infusion.segment.program.after(infusion.counted)
        found["infusion"] |= {
            "ended": infusion.state.ended,
            "remaining_s": 0 if rest is None or infusion.state.ended else round(rest.duration.ns / NS),
            "trip_resumable": bool(infusion.trips) and RESUMABLE.issuperset(infusion.trips),
        }
        if runner.program is not None:
            mass_in = runner.program.entry.concentration.mass_in
            found["infusion"] |= {
                "delivered_mg": mass_in(infusion.delivered).number,
                "booked_mg": mass_in(infusion.booked(now)).number,
                "prescribed_mg": mass_in(infusion.prescribed).number,
                "remaining_mg": mass_in(infusion.remaining).number,
            }
        if infusion.state.ended:
            own = next((each for each in observations if each.session == infusion.place.session), None)
            found["summary"] = summary(runner, now, self._clock) if own is None else dict(own.summary)
        return found

    def _line_s(self, ns: int) -> float:
        return round(ns / NS / self._clock.scale, 2)

    def _pause(self, runner: PumpRunner, now: int) -> dict[str, Any]:
        infusion = runner.infusion
        assert infusion is not None  # the caller has looked
        limits, paused = infusion.limits, infusion.state is State.PAUSED and infusion.flow_ended_ns is not None
        single = limits.pause_single_ns - (now - (infusion.flow_ended_ns or now) if paused else 0)
        total = limits.pause_total_ns - infusion.paused_ns(now)
        return {
            "used": infusion.pauses,
            "most": limits.pauses,
            "single_left_s": round(max(0, single) / NS, 1),
            "total_left_s": round(max(0, total) / NS, 1),
        }

    def _ends(self, runner: PumpRunner, now: int) -> str | None:
        """Wall time at which the volume will be given at the programmed rates, while it flows."""
        infusion = runner.infusion
        if infusion is None or infusion.state not in (State.STARTING, State.RUNNING):
            return None
        rest = infusion.segment.program.after(infusion.counted)
        last = infusion.reading.asked_ns if infusion.reading else now
        return self._ts(max(now, last + (rest.duration.ns if rest is not None else 0)), now)

    def _observation(self, observation: Observation, now: int) -> dict[str, Any]:
        due = observation.vitals_due_ns
        return {
            "session": observation.session,
            "patient": observation.patient,
            "since_ts": self._ts(observation.since_ns, now),
            "until_ts": self._ts(observation.until_ns, now),
            "left_s": round(max(0, observation.until_ns - now) / NS, 1),
            "every_s": VITALS_EVERY_NS // NS,
            "vitals_due_ts": None if due is None else self._ts(due, now),
            "vitals_overdue": due is not None and now > due,
            "missed": observation.missed(now),
            "summary": dict(observation.summary),
            "vitals": [{"ts": self._ts(each.at_ns, now), "by": each.by, **each.numbers} for each in observation.vitals],
        }

    def _ts(self, at_ns: int, now_ns: int) -> str:
        """Wall time of a clinical instant."""
        return timestamp(self._clock.now() + timedelta(seconds=(at_ns - now_ns) / NS / self._clock.scale))


def _loss_of_control_text(runner: PumpRunner) -> str | None:
    """What ends the flow when this gateway dies, in words."""
    classes = runner.capabilities.loss_of_control if runner.capabilities else ()
    return "; ".join(LOSS_OF_CONTROL_WORDS[each.value] for each in classes) or None


def library_of(library: Library) -> dict[str, Any]:
    """What an order form offers: quantities as text with units."""
    return {
        "digest": library.digest,
        "version": library.manifest.version if library.manifest else None,
        "care_area": library.manifest.care_area if library.manifest else None,
        "weight_bases": [basis.value for basis in WeightBasis],
        "containers": [
            {
                "name": each.name,
                "volume_ml": each.volume.number,
                "usable_ml": each.usable.number,
                "syringe": each.diameter is not None,
            }
            for each in library.containers.values()
        ],
        "entries": [
            {
                "id": entry.id,
                "drug": entry.drug,
                "concentration_mg_ml": entry.concentration.number,
                "containers": list(entry.containers),
                "double_check": entry.double_check,
                "dose": _limits(entry.dose),
                "duration": _limits(entry.duration),
                "weight": _limits(entry.weight),
                "dose_cap": {"soft": str(entry.dose_cap.soft), "hard": str(entry.dose_cap.hard)},
                "profile": [{"time": str(step.time), "dose": str(step.dose)} for step in entry.profile],
                "infusions": entry.course.infusions,
                "maintenance": entry.course.maintenance,
            }
            for entry in library.entries.values()
        ],
    }


def _limits(limits: Any) -> dict[str, str]:
    names = ("default", "hard_min", "soft_min", "soft_max", "hard_max")
    return {name: shown(getattr(limits, name)) for name in names if hasattr(limits, name)}
