"""What a simulated pump replies to each segment that can be read."""

from collections.abc import Callable, Mapping
from typing import Protocol

from pumpd_drivers.dianet_star.segments import (
    DOSE_LAYOUT,
    HISTORY_LAYOUT,
    HISTORY_LENGTH,
    LEAVE_16,
    LEAVE_32,
    Actual,
    Ident,
    Limits,
    Mode,
    Proposal,
    State,
    Status,
    Word,
)
from pumpd_simulators.dianet_star.motor import Motor
from pumpd_simulators.dianet_star.options import DianetStarOptions, Model
from pumpd_simulators.plant import Plant, Sense

PROTOCOL = 0x000E  # the public header's version
_FUNCTIONS = 0b001111  # bolus, standby, pressure level, data lock; bit 4: drop control
_MODE_STATES = {Mode.DOKU: State.DOKU, Mode.FERNSTEUER: State.FERNSTEUER, Mode.FERNREGEL: State.FERNREGEL}


class Pump(Protocol):
    """What of the device its replies show. `requested` returns what the host should read again, once."""

    plant: Plant
    motor: Motor
    kind: Model
    options: DianetStarOptions
    mode: Mode
    proposal: Proposal
    data_lock: bool
    muted: bool

    @property
    def number(self) -> int: ...

    @property
    def unix_time_s(self) -> int: ...

    @property
    def operated(self) -> bool: ...

    def requested(self) -> int: ...

    def rates(self) -> tuple[float, float]: ...


def ident(pump: Pump) -> bytes:
    return Ident(pump.number, PROTOCOL, pump.options.firmware.ljust(10).encode("ascii"), pump.unix_time_s).to_data()


def status(pump: Pump) -> bytes:
    motor, sensed = pump.motor, pump.plant.sensed
    state = _MODE_STATES.get(pump.mode, State(0)) | motor.bolus
    for is_set, bit in (
        (Sense.MAINS_OFF not in sensed, State.MAINS),
        (motor.standby, State.STANDBY),
        (motor.ready and not motor.running, State.RUN_READY),
        (motor.running, State.RUNNING),
        (motor.running and not motor.bolus and motor.set.bolus_rate > 0, State.BOLUS_READY),
        (pump.operated, State.OPERATED),
        (motor.kvo, State.KVO),
        (pump.muted, State.ALARM_MUTED),
        (motor.alarms and not pump.muted, State.ALARM_SOUNDS),
        (pump.data_lock or pump.mode is Mode.FERNREGEL, State.DATA_LOCK),
        (not motor.drops_watched, State.DROPS_NOT_WATCHED),
        (motor.history, State.HISTORY),
        (motor.reload.active == 1, State.RELOAD),
    ):
        if is_set:
            state |= bit
    left, minutes = motor.remaining()
    return Status(pump.requested(), motor.alarms, state, motor.rate, left, min(minutes, LEAVE_16)).to_data()


def actual(pump: Pump) -> bytes:
    motor, plant = pump.motor, pump.plant
    return Actual(
        pressure_percent=motor.pressure_percent(),
        infused=motor.infused(),
        infused_min=min(motor.infused_min(), LEAVE_16),
        interval_left_min=LEAVE_16,
        battery_min=min(int(plant.battery_percent() / 100 * plant.settings.battery_h * 60), LEAVE_16),
        standby_left_min=motor.set.standby_min if motor.standby else 0,
        syringe_ml=LEAVE_16 if pump.kind.volumetric else pump.options.syringe_ml,
        interval_min=LEAVE_16,
        interval_volume=LEAVE_16,
        bolus_volume=motor.set.bolus_volume if motor.bolus else 0,
    ).to_data()


def limits(pump: Pump) -> bytes:
    o = pump.options
    low, high, closed = (round(rate * 100) for rate in (o.rate_min_ml_h, o.rate_max_ml_h, o.cc_rate_max_ml_h))
    return Limits(
        bolus_max=round(o.bolus_max_ml_h * 100),
        staff_call=0x05,
        rate_places=o.rate_places,
        rate_max=round(pump.rates()[1] * 100),
        rate_min=low,
        syringe_pre_alarm_min=3,
        functions=_FUNCTIONS | pump.kind.volumetric << 4,
        pressure_max=9,
        vtbd_max=round(o.vtbi_max_ml * 10),
        bolus_volume_max=round(min(o.vtbi_max_ml, 999.9) * 10),
        bolus_min=low,
        bolus_volume_min=1,
        bolus_places=o.rate_places,
        ca_rate_max=high,
        ca_rate_min=low,
        cc_rate_max=closed,
        cc_rate_min=low,
    ).to_data()


def history(pump: Pump) -> bytes:
    """The last ten changes of rate, with minutes since power-up [U]; missing entries have all bits set."""
    last = pump.motor.history[-HISTORY_LENGTH:]
    fields = [value for when, rate in last for value in (int(when // 60) & LEAVE_16, rate)]
    fields += [LEAVE_16, LEAVE_32] * (HISTORY_LENGTH - len(last))
    return HISTORY_LAYOUT.pack(int(pump.plant.now // 60) & LEAVE_16, *fields)


READS: Mapping[int, Callable[[Pump], bytes]] = {
    Word.IDENT: ident,
    Word.STATUS: status,
    Word.ACTUAL: actual,
    Word.SETPOINT: lambda pump: pump.motor.set.to_data(),
    Word.PROPOSAL: lambda pump: pump.proposal.to_data(),
    Word.LIMITS: limits,
    Word.DOSE: lambda _: DOSE_LAYOUT.pack(*[0] * 8),
    Word.HISTORY: history,
    Word.RELOAD: lambda pump: pump.motor.reload.to_data(),
}
