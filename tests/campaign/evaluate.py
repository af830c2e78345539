"""The rules that every story is checked by, against the plant's truth. What pumpd believes is never the measure:
what it booked and its alarms are what is checked.

| rule | what must be true |
|---|---|
| start | the pump receives no start without its confirmation and intent on disk, and never more starts than those |
| delivered | ordered flow gives at most the prescribed volume, the pump's own error and 0.1 mL (RUN-04) |
| loss-of-control | an unreachable pump with a watchdog stops within the lease, and gives rate x lease (COM-12) |
| alarm | 15 s after a pump that may flow becomes unreachable, a high alarm reports it (COM-05) |
| stop | on a good line the pump has stopped 1 s after a nurse's stop (STP-01), after at most 0.1 mL (STP-08) |
| unprescribed | flow that pumpd did not start ends within 5 s on a good line, or an alarm reports it (RUN-06, PWR-04) |
| booked | when all is quiet, at least what was given is booked, in infusion and dose history (COM-05, PWR-06) |
| restart | flow that a dead process left behind ends when the next one identifies the pump (PWR-02, PWR-03) |
| after | nothing flows after the end |
| ends | left alone, every infusion ends, or waits for a person with an alarm |
| record | the chain holds; `replay` of the entries gives exactly the same state and volume (AUD-03, AUD-05) |
| defect | no `internal_error`, no unhandled exception |
"""

import contextlib
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

from pumpd.infusion import Infusion
from pumpd.infusion.states import State
from pumpd.journal import JournalError, JournalReader
from pumpd.journal.doses import Doses
from pumpd.journal.replay import Replay
from pumpd.pump import ALARM_TABLE, AlarmCode, Priority
from tests.campaign.plant_watch import Flow
from tests.campaign.world import CALM_S, World

QUIET_S = 5.0
OVER_ML = 0.1  # RUN-04
STOP_S, STOP_ML = 1.0, 0.1  # STP-01, STP-08
UNPRESCRIBED_S = 5.0
ALARM_S = 15.0  # COM-05: at most 15 s to the alarm
LEASE_S = 10.0
ROUND_ML = 0.02  # counters are shown and read in hundredths
WAITS = (State.ORDERED, State.LOADING, State.ARMED, State.STARTING, State.COMPLETING, State.PAUSING, State.STOPPING)


class Watching:
    """Checks every second, and whenever the pump receives something."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._loaded = 0
        self._loaded_ml = 0.0
        self._ended: set[str] = set()
        self.stops: list[float] = []  # seconds from a nurse's stop until no flow, on a good line
        self.losses = 0  # total losses of a flowing pump with a watchdog that were checked
        self.left_behind = 0  # flows that another process found
        self._lost: Counter[str] = Counter()
        self._person_s = -1.0  # when a person last did something at the pump

    def begin(self) -> None:
        watch = self.world.watch
        watch.on_start = self._start_heard
        watch.on_flow = self._flow_began
        settings = watch.plant.settings
        self.error = (settings.error_percent + abs(settings.drift_ppm) / 1e4) / 100
        self.ripple_ml = settings.ripple_percent / 100 * settings.ripple_period_ml
        self.native = self.world.native
        self.world.on_boot = self.restarted

    # -- starts ------------------------------------------------------------------------------------------------------

    def _start_heard(self) -> None:
        """Entries on disk are counted over all processes."""
        world, written = self.world, self.world.disk.written
        allowed = min(written["confirmation_accepted"], written["intent_start"])
        if world.watch.starts > allowed:
            counts = f"start {world.watch.starts} of the pump, {written['confirmation_accepted']} confirmations and "
            world.violate("start", f"{counts}{written['intent_start']} intents on disk")
        infusion = world.infusion
        if infusion is not None and infusion.state.ended:
            world.violate("after", "the pump hears a start after the end")

    def _flow_began(self, flow: Flow) -> None:
        world = self.world
        if flow.cause == "wire":
            return
        infusion = world.infusion
        ours = infusion is not None and infusion.started_ns is not None
        well = world.calm and ours
        world.later(UNPRESCRIBED_S, self._unprescribed, flow, well)

    def _unprescribed(self, flow: Flow, well: bool) -> None:
        world = self.world
        if flow.ended_s is not None:
            return
        if well and world.calm:
            world.violate("unprescribed", f"flow by {flow.cause} since {flow.began_s:.2f} s continues on a good line")
        elif world.up and world.infusion is not None and not world.infusion.state.ended:
            world.later(ALARM_S - UNPRESCRIBED_S, self._alarmed, flow)

    def _alarmed(self, flow: Flow) -> None:
        world = self.world
        infusion = world.infusion
        if flow.ended_s is None and infusion is not None and not infusion.state.ended and not infusion.alarms:
            world.violate("unprescribed", f"flow by {flow.cause} since {flow.began_s:.2f} s, and no alarm reports it")

    # -- stops -------------------------------------------------------------------------------------------------------

    def stop(self) -> Callable[[], None]:
        """Call this before a nurse's stop is sent, and the returned function when it was accepted."""
        world, at_s, ml = self.world, self.world.now, self.world.watch.delivered_ml
        well = world.calm and world.watch.running

        def accepted() -> None:
            if well:
                world.later(STOP_S, self._stopped, at_s, ml)

        return accepted

    def _stopped(self, at_s: float, ml: float) -> None:
        world = self.world
        flow = world.watch.flows[-1]
        if not world.calm or (flow.cause != "wire" and flow.began_s >= at_s):
            return
        if flow.ended_s is None:
            world.violate("stop", f"the pump runs {STOP_S} s after the stop at {at_s:.3f} s")
        elif (
            world.watch.delivered_ml - ml > STOP_ML + self._bolus_ml
        ):  # a blocked line that is freed releases what it held
            world.violate("stop", f"{world.watch.delivered_ml - ml:.3f} mL after the stop at {at_s:.3f} s")
        else:
            self.stops.append(flow.ended_s - at_s)

    # -- loss --------------------------------------------------------------------------------------------------------

    def panel(self) -> None:
        """A person does something at the pump."""
        self._person_s = self.world.now

    def loss(self, seconds: float, cause: str = "") -> None:
        """From now on nothing reaches the pump for this long; the next fault of that kind replaces it."""
        cause = cause or f"at {self.world.now}"
        self._lost[cause] += 1
        loss = (cause, self._lost[cause])
        watch, infusion = self.world.watch, self.world.infusion
        if infusion is not None and infusion.state.may_flow and seconds >= ALARM_S + 1:
            self.world.later(
                ALARM_S, self._loss_reported, loss, self.world.now, self.world.processes, infusion.place.session
            )
        if self.native and watch.running and watch.flows[-1].cause == "wire" and seconds >= LEASE_S + 1:
            rate = abs(watch.plant._rate)  # the motor's rate: a door or clamp may hold back fluid that comes later
            self.world.later(
                LEASE_S + 1, self._expired, loss, self.world.now, watch.delivered_ml, rate, watch.flows[-1]
            )

    def _over(self, loss: tuple[str, int]) -> bool:
        cause, number = loss
        return self._lost[cause] != number

    def _loss_reported(self, loss: tuple[str, int], at_s: float, process: int, session: str) -> None:
        world, infusion = self.world, self.world.infusion
        if self._over(loss) or infusion is None or world.processes != process or infusion.place.session != session:
            return  # no process was there to report it
        if infusion.state.may_flow and not any(ALARM_TABLE[code].priority is Priority.HIGH for code in infusion.alarms):
            world.violate("alarm", f"{infusion.state.value}, not reached since {at_s:.2f} s, no high alarm")

    def _expired(self, loss: tuple[str, int], at_s: float, ml: float, rate_ml_h: float, flow: Flow) -> None:
        world = self.world
        if self._over(loss):
            return
        if self._person_s >= flow.began_s:
            return  # a person changed the rate, so it is not known
        self.losses += 1
        more = world.watch.delivered_ml - ml
        if flow.ended_s is None:
            world.violate("loss-of-control", f"the pump still flows {LEASE_S + 1:g} s after the loss at {at_s:.2f} s")
        elif more > rate_ml_h * LEASE_S / 3600 * (1 + 2 * self.error) + self.ripple_ml + 1e-3 and not self._bolus_ml:
            world.violate("loss-of-control", f"{more:.3f} mL after the loss at {at_s:.2f} s at {rate_ml_h:.1f} mL/h")

    @property
    def _bolus_ml(self) -> float:
        return self.world.watch.plant.truth().largest_bolus_ml

    def restarted(self) -> None:
        """Another process has started."""
        watch = self.world.watch
        if watch.running:
            self.left_behind += 1
            self.world.later(CALM_S, self._left_behind, watch.flows[-1])

    def _left_behind(self, flow: Flow) -> None:
        if flow.ended_s is None and self.world.calm:
            self.world.violate("restart", f"the flow since {flow.began_s:.2f} s continues under another process")

    # -- every second ------------------------------------------------------------------------------------------------

    def of_this_program_ml(self) -> float:
        """What the motor has moved since a program was last loaded, as a person would read it at the pump."""
        return self.world.watch.moved_ml - self._loaded_ml

    def check(self) -> None:
        world = self.world
        loaded = world.disk.written["program_loaded"]
        if loaded != self._loaded:
            self._loaded, self._loaded_ml = loaded, world.watch.moved_ml
        infusion = world.infusion
        if infusion is None:
            return
        quiet = world.watch.stopped_for_s >= QUIET_S and world.calm
        # In a protocol whose replies do not name their question, a late one passes for the next: check only when quiet.
        flowing = infusion.state.may_flow and infusion.started_ns is not None and world.now >= world.late_until
        if quiet or flowing:
            self._booked(infusion)

    def _booked(self, infusion: Infusion) -> None:
        """Compare what is booked with what reached the patient, except by a person at the panel of a silent pump."""
        booked = float(infusion.booked(int(self.world.now * 1e9)).decimal)
        self.enough(
            booked, f"infusion is {infusion.state.value}, {booked:.3f} mL booked", infusion.limits.counter_slack
        )

    def enough(self, booked: float, what: str, slack=None) -> None:
        world = self.world
        given = world.watch.delivered_ml - world.watch.unprescribed_ml()
        if booked + given * self.error + self.ripple_ml + max(ROUND_ML, float(slack.decimal) if slack else 0) < given:
            world.violate("booked", f"{what}, {given:.3f} mL given")

    def waits_for_a_person(self) -> None:
        """Some time after the last trouble, before a person helps."""
        world = self.world
        if not world.up:
            world.violate("ends", "no control process starts")
            return
        infusion = world.infusion
        if infusion is None or infusion.state.ended:
            return
        if infusion.state is State.TRIPPED and not (infusion.trips and infusion.alarms):
            world.violate("ends", f"tripped without an alarm: {infusion.reason}")
        elif infusion.doubted_ns is not None:
            if AlarmCode.IDENTITY_DOUBTED not in infusion.alarms:
                world.violate("ends", "nobody knows which pump answers, and no alarm says so")
        elif infusion.state in WAITS:
            world.violate("ends", f"{infusion.state.value} since {infusion.since_ns / 1e9:.1f} s: {infusion.reason}")
        elif infusion.state is State.UNCERTAIN and not infusion.alarms:
            world.violate("ends", "uncertain without an alarm")


async def at_the_end(world: World, watching: Watching) -> dict[str, float]:
    """Check when everything is over and quiet."""
    watch = world.watch
    infusion = world.infusion
    if watch.running:
        world.violate("after", f"the pump runs at the end; its flow is by {watch.flows[-1].cause}")
    if not world.up:
        return {}
    if infusion is not None and not infusion.state.ended:
        world.violate("ends", f"even with a nurse's help it is still {infusion.state.value}: {infusion.reason}")
    await world.control.writer.append([])
    entries = world.entries()
    for check in world.at_end:
        check(entries)
    for entry in entries:
        if entry.kind == "internal_error":
            world.violate("defect", f"entry {entry.id}: {entry.body}")
    _delivered(world, watching, entries)
    _book(world, watching, entries)
    _record(world, entries, infusion)
    return {
        "delivered_ml": watch.delivered_ml,
        "starts": watch.starts,
        "processes": world.processes,
        "entries": len(entries),
        "slowest_stop_s": max(watching.stops, default=0.0),
        "stops_checked": len(watching.stops),
        "losses_checked": watching.losses,
        "found_flowing": watching.left_behind,
        "unprescribed_flows": sum(flow.cause != "wire" for flow in watch.flows),
        "alarms": sum(entry.kind == "alarm_raised" for entry in entries),
    }


def _delivered(world: World, watching: Watching, entries) -> None:
    started = {entry.session for entry in entries if entry.kind == "intent_start"}
    began = {
        entry.session: entry.fields["infusion"]
        for entry in entries
        if entry.kind == "began" and entry.session in started
    }
    ordered = sum(float(infusion["prescribed"].split()[0]) for infusion in began.values())
    given = world.watch.delivered_ml - world.watch.unprescribed_ml()
    if given > ordered * (1 + watching.error) + watching.ripple_ml + OVER_ML:
        world.violate("delivered", f"{given:.3f} mL given of {ordered:.3f} mL ordered")


def _book(world: World, watching: Watching, entries) -> None:
    doses, concentrations = Doses(), {}
    doses.take(entries)
    for entry in entries:
        if entry.kind == "order_accepted":
            concentrations[entry.session] = Decimal(entry.fields["program"]["entry"]["concentration"].split()[0])
    booked = sum(float(dose.worst.decimal / concentrations[dose.session]) for dose in doses.all())
    watching.enough(booked, f"the dose history says {booked:.3f} mL")


def _record(world: World, entries, infusion: Infusion | None) -> None:
    try:
        with contextlib.closing(JournalReader(world.disk.path)) as reader:
            reader.verify()
    except JournalError as error:
        world.violate("record", str(error))
    if world.disk.lost:
        return  # entries that the full disk refused cannot be replayed
    replay = Replay(entries)
    if replay.differences:
        world.violate("record", f"{len(replay.differences)} differences: {replay.differences[0]}")
    if infusion is None:
        return
    again = replay.infusions[infusion.place.session].infusion
    if again != infusion:
        names = [name for name in vars(infusion) if getattr(again, name) != getattr(infusion, name)]
        world.violate("record", f"replayed with other {', '.join(names)}")
