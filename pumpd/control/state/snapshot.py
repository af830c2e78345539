"""Everything that is shown, from values to JSON data: one pure function for `pumpd status` and for tablets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pumpd.control.confirming.review import review_of
from pumpd.control.observation.observation import VITALS_EVERY_NS, Observation
from pumpd.control.observation.summary import summary
from pumpd.dosing import RateProgram
from pumpd.dosing.plasma import Estimate
from pumpd.dosing.rest import LEAST_REST
from pumpd.host.instant import NS_PER_S, Instant
from pumpd.infusion import Infusion, State
from pumpd.infusion.model import RESUMABLE
from pumpd.infusion.pause_ends import pause_ends_ns
from pumpd.journal.store import timestamp
from pumpd.messages.requests import DISCLAIMER
from pumpd.messages.state import (
    AlarmState,
    AudioState,
    CertificateState,
    ConfigurationStatus,
    Course,
    GatewayState,
    InfusionState,
    LibraryStatus,
    ObservationState,
    PauseState,
    PlasmaNow,
    PumpState,
    RestState,
    SelfTestState,
    SupplyState,
    TabletState,
    VitalSignsState,
    VitalsState,
)
from pumpd.pump import Capabilities, Identity, LossOfControl, Reading
from pumpd.quantities import Duration
from pumpd.settings import PumpSettings
from pumpd.texts import listed, text

HOUR = Duration(3600)
_LOSS_OF_CONTROL = {
    LossOfControl.NATIVE: text("loss.native", "the pump's own watchdog stops it"),
    LossOfControl.DEADMAN: text("loss.deadman", "the deadman process stops the pump"),
    LossOfControl.VTBI_ONLY: text("loss.vtbi_only", "the pump continues to the programmed volume"),
}


@dataclass(frozen=True, slots=True)
class PumpValues:
    """What the services of control know about one pump. `observations`: the newest first."""

    settings: PumpSettings
    problem: str
    lost: bool
    patient: str
    identity: Identity | None
    proved_by: str  # the mark, or the person, that shows which pump answers; empty while that is not known
    to_identify: str  # what a person must do for that
    capabilities: Capabilities | None
    reading: Reading | None
    stopped: bool  # confirmed by readings, and nothing may flow (STP-04)
    infusion: Infusion | None
    program: RateProgram | None
    alarms: Sequence[AlarmState]
    observations: Sequence[Observation]
    self_test: SelfTestState | None
    course: Course | None
    vitals: VitalSignsState | None
    estimate: Estimate | None  # of the plasma concentration, of this infusion
    pause_reason: str | None = None  # why a person paused; empty until given
    continued: bool = False  # another pump has, or had, a later delivery of the same treatment


@dataclass(frozen=True, slots=True)
class GatewayValues:
    """What the services of control know about the gateway. `journal`: what is wrong with it, or empty."""

    name: str
    pumps: Sequence[PumpValues]
    alarms: Sequence[AlarmState]
    journal: str
    library: LibraryStatus
    configuration: ConfigurationStatus
    supply: SupplyState | None
    certificate: CertificateState | None
    alarm_output: str | None
    audio: AudioState | None
    tablets: Mapping[str, TabletState]
    tablets_connected: int
    clock_synchronized: bool
    utc_offset_min: int


def snapshot(values: GatewayValues, at: Instant) -> GatewayState:
    return {
        "notice": DISCLAIMER,
        "gateway": values.name,
        "ts": timestamp(at.wall),
        "utc_offset_min": values.utc_offset_min,
        "time_scale": at.scale,
        "simulated": any(pump.settings.simulated for pump in values.pumps),
        "clock_synchronized": values.clock_synchronized,
        "journal": values.journal or "ok",
        "library": values.library,
        "configuration": values.configuration,
        "supply": values.supply,
        "certificate": values.certificate,
        "alarm_output": values.alarm_output,
        "audio": values.audio,
        "alarms": list(values.alarms),
        "pumps": [pump_state(pump, at) for pump in values.pumps],
        "tablets": dict(values.tablets),
        "tablets_connected": values.tablets_connected,
    }


def pump_state(values: PumpValues, at: Instant) -> PumpState:
    settings, reading, infusion = values.settings, values.reading, values.infusion
    losses = values.capabilities.loss_of_control if values.capabilities else ()
    found: PumpState = {
        "pump": settings.name,
        "driver": settings.driver,
        "model": values.identity.model if values.identity else settings.model,
        "firmware": values.identity.firmware if values.identity else None,
        "serial": settings.serial,
        "simulated": settings.simulated,
        "patient": values.patient or None,
        "problem": values.problem,
        "proved_by": values.proved_by or None,
        "to_identify": values.to_identify or None,
        "pump_state": reading.state.value if reading else None,
        "stopped": values.stopped,
        "age_s": None if reading is None else round(at.real_s(at.now_ns - reading.asked_ns), 2),
        "pressure_mmhg": reading.pressure_mmhg if reading else None,
        "battery_percent": reading.battery_percent if reading else None,
        "loss_of_control": [each.value for each in losses],
        "loss_of_control_text": listed(_LOSS_OF_CONTROL[each] for each in losses) or None,
        "links": {"pump": "lost" if values.lost else "ok"},
        "alarms": list(values.alarms),
        "observations": [_observation(each, at) for each in values.observations],
        "vitals": values.vitals,
        "summary": None,
        "rest": None,
        "course": values.course,
        "self_test": values.self_test,
        "plasma": None,
        "infusion": None,
    }
    if infusion is None:
        return found
    found["infusion"] = _infusion(values, infusion, at)
    found["pause"] = _pause(infusion, values.pause_reason, at.now_ns)
    found["ends_ts"] = _ends(infusion, at)
    found["flow_profile"] = [
        {"rate_ml_h": step.rate.number, "volume_ml": step.volume.number} for step in infusion.segment.program.steps
    ]
    own = next((each for each in values.observations if each.session == infusion.place.session), None)
    if infusion.state.ended:
        result = summary(infusion, values.program, values.estimate, at)
        found["summary"] = dict(result) if own is None else dict(own.summary)
        found["rest"] = None if values.continued else _rest(infusion, values.program, at)
    if infusion.started_ns is not None and not values.continued and (own or not infusion.state.ended):
        found["plasma"] = _plasma(values.estimate)
    return found


def _plasma(estimate: Estimate | None) -> PlasmaNow | None:
    return None if estimate is None else cast("PlasmaNow", {**estimate.peak_fields, **estimate.now_fields})


def _rest(infusion: Infusion, program: RateProgram | None, at: Instant) -> RestState | None:
    """What may still be ordered of an interrupted treatment; the order itself is checked against the journal.

    None where the order would be refused: nothing was given, it was completed, or too little time or volume is left.
    """
    given = infusion.started_ns is not None or infusion.treatment
    if program is None or not given or infusion.state is State.COMPLETED:
        return None
    left = infusion.whole - infusion.earlier - min(infusion.booked(at.now_ns), infusion.whole - infusion.earlier)
    until_ns = infusion.closes_ns
    if until_ns is None:
        until_ns = (infusion.started_ns or at.now_ns) + program.entry.rest.within.ns
    rest = infusion.segment.program.after(infusion.accounted)  # at the same rates, which is the least time
    if left < LEAST_REST or rest is None or at.now_ns + rest.duration.ns > until_ns:
        return None
    return {
        "treatment": infusion.treatment or infusion.place.session,
        "patient": infusion.patient,
        "left_ml": left.number,
        "left_mg": program.entry.concentration.mass_in(left).number,
        "until_ts": timestamp(at.wall_at(until_ns)),
        "by_nurse": program.entry.rest.by_nurse,
    }


def _infusion(values: PumpValues, infusion: Infusion, at: Instant) -> InfusionState:
    reading, program, state = values.reading, values.program, infusion.state
    flowing = reading is not None and reading.state.flowing and state.may_flow
    booked = infusion.booked(at.now_ns)
    rest = None if state.ended else infusion.segment.program.after(infusion.counted)
    lease_ns = infusion.lease_until_ns
    codes = {code.value for code in infusion.alarms}
    found: InfusionState = {
        "session": infusion.place.session,
        "treatment": infusion.treatment or infusion.place.session,
        "earlier_ml": infusion.earlier.number,
        "treatment_ml": infusion.whole.number,
        "closes_ts": None if infusion.closes_ns is None else timestamp(at.wall_at(infusion.closes_ns)),
        "state": state.value,
        "may_flow": state.may_flow,
        "started": infusion.started_ns is not None,
        "ended": state.ended,
        "reason": infusion.reason,
        "action": infusion.action.value,
        "rate_ml_h": reading.rate.number if reading is not None and flowing else "0",
        "programmed_rate_ml_h": infusion.programmed_rate().number,
        "delivered_ml": infusion.delivered.number,
        "booked_ml": booked.number,
        "prescribed_ml": infusion.prescribed.number,
        "remaining_ml": infusion.remaining.number,
        "started_ts": None if infusion.started_ns is None else timestamp(at.wall_at(infusion.started_ns)),
        "confirmed_by": infusion.confirmed_by or None,
        "running_s": _seconds(infusion.running_ns(at.now_ns)),
        "elapsed_s": _seconds(infusion.elapsed_ns(at.now_ns)),
        "remaining_s": 0 if rest is None else round(rest.duration.ns / NS_PER_S),
        "window_least_s": infusion.window.least_ns / NS_PER_S,
        "window_most_s": infusion.window.most_ns / NS_PER_S,
        "window_elapsed_s": infusion.window.elapsed_ns / NS_PER_S,
        "pauses": infusion.pauses,
        "lease_s": None if lease_ns is None else round(max(0, at.real_s(lease_ns - at.now_ns)), 2),
        "trips": [code.value for code in infusion.trips],
        "trip_resumable": bool(infusion.trips) and RESUMABLE.issuperset(infusion.trips),
        "alarms": [each for each in values.alarms if each["code"] in codes],
        "ordered_ts": infusion.ordered_ts or None,
        "expires_ts": _expires(infusion, at),
        "digest": infusion.segment.digest,
        "review": _review(values, infusion),
    }
    if program is not None:
        mass_in = program.entry.concentration.mass_in
        found["delivered_mg"] = mass_in(infusion.delivered).number
        found["booked_mg"] = mass_in(booked).number
        found["prescribed_mg"] = mass_in(infusion.prescribed).number
        found["remaining_mg"] = mass_in(infusion.remaining).number
        if reading is not None and flowing:
            found["dose_rate_mg_h"] = mass_in(reading.rate.volume_in(HOUR)).number
        found["earlier_mg"] = mass_in(infusion.earlier).number
        found["treatment_mg"] = mass_in(infusion.whole).number
    return found


def _review(values: PumpValues, infusion: Infusion) -> dict[str, Any]:
    if values.program is None:
        return {}
    held, whole = infusion.read_back, infusion.of_treatment
    return review_of(values.settings, values.program, values.capabilities, held, whole, infusion.ordered_ts)


def _expires(infusion: Infusion, at: Instant) -> str | None:
    """Wall time at which the order expires, while it is not started."""
    if infusion.expires_ns is None or infusion.started_ns is not None or infusion.state.ended:
        return None
    return timestamp(at.wall_at(infusion.expires_ns))


def _pause(infusion: Infusion, reason: str | None, now_ns: int) -> PauseState:
    limits, paused = infusion.limits, infusion.state is State.PAUSED and infusion.flow_ended_ns is not None
    single_ns = limits.pause_single_ns - (now_ns - (infusion.flow_ended_ns or now_ns) if paused else 0)
    total_ns = limits.pause_total_ns - infusion.paused_ns(now_ns)
    ends_ns = pause_ends_ns(infusion, now_ns)
    return {
        "used": infusion.pauses,
        "most": limits.pauses,
        "single_left_s": _seconds(max(0, single_ns)),
        "total_left_s": _seconds(max(0, total_ns)),
        "left_s": None if ends_ns is None else _seconds(max(0, ends_ns - now_ns)),
        "reason": reason,
    }


def _ends(infusion: Infusion, at: Instant) -> str | None:
    """Wall time at which the volume will be given at the programmed rates, while it flows."""
    if infusion.state not in (State.STARTING, State.RUNNING):
        return None
    rest = infusion.segment.program.after(infusion.counted)
    last_ns = infusion.reading.asked_ns if infusion.reading else at.now_ns
    return timestamp(at.wall_at(max(at.now_ns, last_ns + (rest.duration.ns if rest is not None else 0))))


def _observation(observation: Observation, at: Instant) -> ObservationState:
    due_ns = observation.vitals_due_ns
    return {
        "session": observation.session,
        "patient": observation.patient,
        "since_ts": timestamp(at.wall_at(observation.since_ns)),
        "until_ts": timestamp(at.wall_at(observation.until_ns)),
        "left_s": _seconds(max(0, observation.until_ns - at.now_ns)),
        "every_s": VITALS_EVERY_NS // NS_PER_S,
        "vitals_due_ts": None if due_ns is None else timestamp(at.wall_at(due_ns)),
        "vitals_overdue": due_ns is not None and at.now_ns > due_ns,
        "missed": observation.missed(at.now_ns),
        "vitals": [
            VitalsState(
                ts=timestamp(at.wall_at(each.at_ns)),
                by=each.by,
                systolic_mmhg=each.systolic_mmhg,
                diastolic_mmhg=each.diastolic_mmhg,
                heart_rate_bpm=each.heart_rate_bpm,
                spo2_percent=each.spo2_percent,
                respiration_per_min=each.respiration_per_min,
            )
            for each in observation.vitals
        ],
        "summary": dict(observation.summary),
    }


def _seconds(ns: int) -> float:
    return round(ns / NS_PER_S, 1)
