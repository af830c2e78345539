"""A simulated Perfusor fm or Infusomat fmS on its Dianet Star line: frames, modes, the watchdog, segments, the keys.

Source: the family's protocol sheet (dianet-star.md). Facts that no source states are in `DianetStarOptions`.

Promises:
- IDENT and the mode switch are accepted at address 0; everything else at the address that the mode switch assigned. A
  switch with a wrong inverted ident number leaves the pump in DOKU.
- Settings and actions are accepted only in FERNSTEUER and FERNREGEL, the reload only in FERNREGEL. In FERNREGEL the
  keys only alarm.
- In FERNREGEL each complete frame for this pump re-arms the watchdog of 1.2 s. When it expires, the pump returns to
  DOKU, alarms (bit 14) and stops.
- A damaged frame changes nothing; a gap of over 0.3 s inside a frame drops the part before the gap.
"""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from pumpd_drivers.dianet_star.codec import Garbage, Reply, Request, RequestFramer
from pumpd_drivers.dianet_star.segments import (
    LEAVE_8,
    LEAVE_32,
    SERIAL_BITS,
    Action,
    Alarm,
    CcMode,
    DoIt,
    Mode,
    Proposal,
    Refusal,
    Reload,
    Segment,
    Setpoint,
    State,
    Word,
)
from pumpd_simulators.device import Operation, PanelError, Send
from pumpd_simulators.dianet_star.motor import MUTE_S, Motor
from pumpd_simulators.dianet_star.options import MODELS, DianetStarOptions
from pumpd_simulators.dianet_star.replies import READS
from pumpd_simulators.plant import Plant

FRAME_GAP_S = 0.3
USER_S = 2.0  # after a key press, writes are refused for this long
_HAIR_S = 1e-6  # a loop may call a timer early by this much
_CHANGED = 0x01  # request bit: the set values were changed at the keys
_WRITES: Mapping[int, type[Segment]] = {
    Word.CC_MODE: CcMode,
    Word.ACTION: DoIt,
    Word.SET_SETPOINT: Setpoint,
    Word.SET_PROPOSAL: Proposal,
    Word.SET_RELOAD: Reload,
}


class DianetStarPump:
    """Powered from the start, in DOKU, without an address."""

    baud = 9600

    def __init__(self, plant: Plant, model: str = "perfusor-fm", options: DianetStarOptions | None = None) -> None:
        self.model = model
        self.plants: Sequence[Plant] = (plant,)
        self.powered = True
        self.doing: Operation | None = None
        self.plant, self.kind, self.options = plant, MODELS[model], options or DianetStarOptions()
        self._loop = asyncio.get_running_loop()
        self._framer = RequestFramer()
        self._send: Send | None = None
        self._heard_at = self._keyed_at = -USER_S
        self._watchdog: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._clock_ahead_s = self.options.unix_time_s - self._loop.time()
        self.motor: Motor = Motor(plant, self.kind, self.options)
        self.motor.on_vtbd_end = self._vtbd_given
        self.motor.rates = self.rates
        self._forget()

    def _forget(self) -> None:
        self.mode, self.address = Mode.DOKU, 0
        self.proposal: Proposal = Proposal(b" " * 20, 0)
        self.data_lock = self.muted = False
        self._request = 0
        self._disarm()
        self.motor.forget()

    # -- the line --------------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send
        self._framer.reset()

    def detach(self) -> None:
        self._send = None

    def feed(self, data: bytes) -> None:
        if not self.powered:
            return
        now = self._loop.time()
        if self._framer.partial and now - self._heard_at > FRAME_GAP_S:
            self._framer.reset()
        self._heard_at = now
        for frame in self._framer.feed(data):
            self.plant.advance()
            self._hear(frame)

    def _hear(self, frame: Request | Garbage) -> None:
        if isinstance(frame, Garbage):
            if frame.framed and self.options.answers_damaged:
                self._say(Reply(self.address, Word.NONE, bytes([Refusal.CRC]), taken=False))
            return
        common = frame.address == 0 and frame.segment in (Word.IDENT, Word.CC_MODE)
        if not common and (frame.address != self.address or not self.address):
            if self.options.other_address == "nak":
                self._say(Reply(frame.address, frame.segment, bytes([Refusal.ADDRESS]), taken=False))
            return
        self.doing = _operation(frame, self.mode)
        try:
            answer = self._carry_out(frame)
            self._rearm()
            own = common and self.options.ident_reply_address == "own"
            address = self.address if own else frame.address
            if isinstance(answer, bytes):
                self._say(Reply(address, frame.segment, answer))
            else:
                self._say(Reply(address, frame.segment, bytes([answer]), taken=False))
        finally:
            self.doing = None

    def _say(self, reply: Reply) -> None:
        raw, delay_s = reply.to_bytes(), self.options.reply_delay_s
        if delay_s > 0:
            self._loop.call_later(delay_s, self._put, raw)
        else:
            self._put(raw)

    def _put(self, raw: bytes) -> None:
        if self._send is not None and self.powered:
            self._send(raw)

    def _carry_out(self, frame: Request) -> bytes | Refusal:
        """The reply's data, or the reason for a refusal."""
        if frame.segment in READS:
            return READS[frame.segment](self) if not frame.data else Refusal.LENGTH
        kind = _WRITES.get(frame.segment)
        if kind is None:
            return Refusal.SEGMENT
        try:
            wanted = kind.of(frame.data)
        except ValueError:
            return Refusal.LENGTH
        return self._write(wanted) or b""

    def _write(self, wanted: Segment) -> Refusal | None:
        if isinstance(wanted, CcMode):
            return self._switch(wanted)
        if self.mode not in (Mode.FERNSTEUER, Mode.FERNREGEL):
            return Refusal.MODE
        stops = wanted == DoIt(Action.START_STOP, 0)
        if self.operated and (not stops or self.options.keys_hold_back_stop):
            return Refusal.USER
        if isinstance(wanted, DoIt):
            return self._act(wanted)
        if isinstance(wanted, Setpoint):
            return self.motor.take(wanted)
        if isinstance(wanted, Reload):
            return self.motor.take_reload(wanted) if self.mode is Mode.FERNREGEL else Refusal.MODE
        if isinstance(wanted, Proposal):
            self.proposal = wanted
        return None

    # -- the control token -----------------------------------------------------------------------------------------

    def _switch(self, wanted: CcMode) -> Refusal | None:
        if wanted.inverted_ident != self.number ^ LEAVE_32:
            self._enter(Mode.DOKU)
            return Refusal.IDENT
        if wanted.mode > Mode.MONREQ:
            return Refusal.RANGE
        if not ord("A") <= wanted.address <= ord("Z"):
            return Refusal.ADDRESS
        if wanted.unix_time_s != LEAVE_32:
            if self.motor.running:
                return Refusal.CLOCK
            self._clock_ahead_s = wanted.unix_time_s - self._loop.time()
        self.address = wanted.address
        self.motor.calm(Alarm.COMMUNICATION)
        self._enter(Mode(wanted.mode))
        return None

    def _enter(self, mode: Mode) -> None:
        closed, self.mode = self.mode is Mode.FERNREGEL, mode
        if closed and mode is not Mode.FERNREGEL and self.motor.set.rate > round(self.options.rate_max_ml_h * 100):
            self.motor.fail(Alarm.RATE_INVALID)
        self._rearm()

    @property
    def _watched(self) -> bool:
        return self.mode is Mode.FERNREGEL or (self.mode is Mode.FERNSTEUER and self.options.timeout_in_mode_1)

    def _rearm(self) -> None:
        if not self._watched:
            self._disarm()
            return
        self._deadline = self._loop.time() + self.options.cc_timeout_s
        if self._watchdog is None:
            self._watchdog = self._loop.call_at(self._deadline, self._watch)

    def _disarm(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def _watch(self) -> None:
        # Frames only move the deadline, so the timer may fire before it and is then set again.
        self._watchdog = None
        if self._loop.time() < self._deadline - _HAIR_S:
            self._watchdog = self._loop.call_at(self._deadline, self._watch)
            return
        self.plant.advance()
        if self.options.at_timeout == "stop":
            self.motor.fail(Alarm.COMMUNICATION)
        else:
            self.motor.warn(Alarm.COMMUNICATION)
        if not self.options.address_survives:
            self.address = 0
        self._enter(Mode.DOKU)

    def _vtbd_given(self) -> None:
        if self.mode is Mode.FERNREGEL and self.options.after_vtbd == "mode-1":
            self._enter(Mode.FERNSTEUER)

    def rates(self) -> tuple[float, float]:
        o = self.options
        return o.rate_min_ml_h, o.cc_rate_max_ml_h if self.mode is Mode.FERNREGEL else o.rate_max_ml_h

    # -- actions ---------------------------------------------------------------------------------------------------

    def _act(self, wanted: DoIt) -> Refusal | None:
        if wanted.flag == LEAVE_8:
            return None
        if wanted.flag > 1 or wanted.action > Action.INTERVAL_BOLUS_OFF:
            return Refusal.RANGE
        on = wanted.flag == 1
        match Action(wanted.action):
            case Action.START_STOP:
                if on:
                    return self.motor.start()
                self.motor.stop()
            case Action.ALARM_OFF:
                self.muted = on
                if on:
                    self.plant.at(self.plant.now + MUTE_S, self._unmute)
            case Action.DATA_LOCK:
                self.data_lock = on
            case Action.CLEAR_TIME if on:
                self.motor.clear_time()
            case Action.CLEAR_VOLUME if on:
                if self.motor.running and self.options.volume_when_cleared == "at-rest":
                    return Refusal.ACTION
                self.motor.clear_volume()
            case Action.MANUAL_BOLUS:
                return self.motor.give_bolus(State.BOLUS_MANUAL, on=on)
            case Action.VOLUME_BOLUS:
                return self.motor.give_bolus(State.BOLUS_VOLUME, on=on)
            case Action.DROP_CONTROL:
                if not self.kind.volumetric:
                    return Refusal.ACTION
                self.motor.drops_watched = on
            case Action.STANDBY:
                return self.motor.stand_by(on=on)
            case Action.CLEAR_HISTORY if on:
                self.motor.history.clear()
        return None

    def _unmute(self) -> None:
        self.muted = False

    # -- what the replies show ---------------------------------------------------------------------------------------

    @property
    def number(self) -> int:
        return self.kind.kind << SERIAL_BITS | self.options.serial

    @property
    def unix_time_s(self) -> int:
        return int(self._loop.time() + self._clock_ahead_s) & LEAVE_32

    @property
    def operated(self) -> bool:
        """Whether the keys are in use."""
        return self._loop.time() - self._keyed_at < USER_S

    def requested(self) -> int:
        """What the host should read again; reported once."""
        request, self._request = self._request, 0
        return request

    # -- power and keys --------------------------------------------------------------------------------------------

    def power(self, *, on: bool) -> None:
        self._framer.reset()
        self.powered = on
        self._forget()

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:  # noqa: ARG002 - it has one panel
        """Keys: start, stop, rate=VALUE (or N% of now), vtbd=VALUE. In FERNREGEL start and stop only alarm."""
        if not self.powered:
            raise PanelError("the pump is off: its keys have no effect")
        if key not in ("start", "stop", "rate", "vtbd") or (value is None) == (key in ("rate", "vtbd")):
            raise PanelError(f"no key {key!r}; known: start, stop, rate=VALUE, vtbd=VALUE")
        if self.mode is Mode.FERNREGEL:
            self._press_blocked(key)
            return
        if self.data_lock and key != "stop":
            raise PanelError("the pump's keys are locked by its host")
        self._keyed_at = self._loop.time()
        if key == "start":
            if self.motor.start() is not None:
                raise PanelError("the pump does not start: see its alarm")
        elif key == "stop":
            self.motor.stop()
        else:
            self._key_in(key, value or "")

    def _press_blocked(self, key: str) -> None:
        if key not in ("start", "stop"):
            raise PanelError(f"the pump is in closed loop: its keys are blocked, {key} has no effect")
        if self.options.stop_key_in_fernregel == "stops":
            self.motor.fail(Alarm.KEY_IN_FERNREGEL)
        else:
            self.motor.warn(Alarm.KEY_IN_FERNREGEL)

    def _key_in(self, key: str, text: str) -> None:
        now, per = (self.motor.set.rate, 100) if key == "rate" else (self.motor.set.vtbd, 10)
        try:
            wanted = int(now * Decimal(text[:-1]) / 100) if text.endswith("%") else int(Decimal(text) * per)
        except (InvalidOperation, ValueError, OverflowError) as error:
            raise PanelError(f"{text!r} is not a number for {key}") from error
        if not 0 < wanted < LEAVE_32:
            raise PanelError(f"{key} {text!r} is not above 0")
        if self.motor.take(Setpoint(rate=wanted) if key == "rate" else Setpoint(vtbd=wanted)) is not None:
            raise PanelError(f"{key} {text!r} is not within the pump's limits")
        self._request |= _CHANGED

    def display(self, unit: int = 1) -> dict[str, str]:  # noqa: ARG002 - it has one panel
        if not self.powered:
            return {"status": "off"}
        motor = self.motor
        return {
            "status": "infusing"
            if motor.running
            else "KVO"
            if motor.kvo
            else "standby"
            if motor.standby
            else "stopped",
            "mode": self.mode.name,
            "rate": f"{motor.rate / 100:g} mL/h",
            "vtbd": f"{motor.vtbd_left_ml():.1f} mL" if motor.set.vtbd else "off",
            "infused": f"{motor.infused() / 10:.1f} mL",
            "alarm": ", ".join(alarm.name or "" for alarm in Alarm if alarm in motor.alarms) or "none",
        }

    def shut(self) -> None:
        self._disarm()


def _operation(frame: Request, mode: Mode) -> Operation:
    match frame.segment, frame.data:
        case Word.IDENT, _:
            return Operation.IDENTIFY if mode is Mode.DOKU else Operation.KEEP_ALIVE
        case Word.CC_MODE, _:
            return Operation.KEEP_ALIVE
        case Word.ACTION, b"\x00\x01":
            return Operation.START
        case Word.ACTION, b"\x00\x00":
            return Operation.STOP
        case Word.ACTION, b"\x04\x01":
            return Operation.PROGRAM
        case ((Word.SET_SETPOINT | Word.SET_PROPOSAL | Word.SET_RELOAD), _):
            return Operation.PROGRAM
        case segment, _ if segment < Word.CC_MODE:
            return Operation.READ
    return Operation.OTHER
