"""The rules that every story is checked by, against the plant's truth. What pumpd believes is never the measure:
what it booked and its alarms are what is checked.

| rule | what must be true |
|---|---|
| start | the pump receives no start without its confirmation and intent on disk, and never more starts than those |
| delivered | ordered flow gives at most the prescribed volume, the pump's own error and 0.1 mL (RUN-04) |
| loss-of-control | an unreachable pump with a watchdog stops within the lease, and gives rate x lease (COM-12) |
| alarm | 15 s after a pump that may flow becomes unreachable, a high alarm reports it (COM-05) |
| stop | if frames reach the pump, it has stopped 0.3 s after a nurse's stop, after at most 0.1 mL (STP-08), whatever
|      | replies are lost, late or echoed, and however slow or full the disk is (STP-01, STP-11) |
| echo | a pump behind an adapter that echoes is as well heard as any other |
| orders | of two orders at once for a pump or a patient, one is taken at most; two pumps never flow for one (STA-14) |
| unprescribed | flow that pumpd did not start ends within 5 s on a good line, or an alarm reports it (RUN-06, PWR-04) |
| booked | when all is quiet, at least what was given is booked, in infusion and dose history (COM-05, PWR-06) |
| restart | flow that a dead process left behind ends when the next one identifies the pump (PWR-02, PWR-03) |
| after | nothing flows after the end |
| treatment | given over all deliveries, on all pumps: no more than prescribed; booked: no less than given (PRG-25) |
| rest | what is ordered as the rest fits into what is left of the truth, is no faster, and waits for its own start |
| spacing | another treatment so soon is refused, the rest is not refused for that (PRG-17) |
| vitals | no start without true, fresh, harmless vital signs; a dangerous sample stops within 1 s, a loss within 60 s |
| wristband | a confirmation with another patient's wristband, or with none, is refused and starts nothing (PRG-21) |
| ends | left alone, every infusion ends, or waits for a person with an alarm |
| record | the chain holds; `replay` of the entries gives exactly the same state and volume (AUD-03, AUD-05) |
| defect | no `internal_error`, no unhandled exception |
"""

import contextlib
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

from pumpd.infusion import Infusion
from pumpd.infusion.model import ZERO
from pumpd.infusion.record import infusion_from_data
from pumpd.infusion.states import State
from pumpd.journal import JournalError, JournalReader
from pumpd.journal.doses import Doses
from pumpd.journal.replay import Replay
from pumpd.messages.requests import Answer
from pumpd.pump import ALARM_TABLE, AlarmCode, Priority
from pumpd.quantities import Rate, Volume
from tests.campaign.monitor import FRESH_S, LOST_S
from tests.campaign.plant_watch import Flow
from tests.campaign.world import CALM_S, World

QUIET_S = 5.0
OVER_ML = 0.1  # RUN-04
STOP_S, STOP_ML = 1.0, 0.1  # STP-01, STP-08
PROMPT_S = 0.3  # STP-11: 1.5 times the longest healthy answer of the slowest family, and the frame
UNPRESCRIBED_S = 5.0
ALARM_S = 15.0  # COM-05: at most 15 s to the alarm
LEASE_S = 10.0

START_TAKES_S = 2.0  # from the decision to the pump
ROUND_ML = 0.02  # counters are shown and read in hundredths
WAITS = (State.ORDERED, State.LOADING, State.ARMED, State.STARTING, State.COMPLETING, State.PAUSING, State.STOPPING)


class Watching:
    """Checks every second, and whenever the pump receives something."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._loaded = ("bed1", 0)
        self._loaded_ml = 0.0
        self._ended: set[str] = set()
        self.rests = self.rests_refused = 0
        self.dangers = 0  # dangerous vital signs during a flow
        self._first: dict[str, Rate] = {}  # the highest rate of each treatment's first program
        self.stops: list[float] = []  # seconds from a nurse's stop until no flow, on a good line
        self.losses = 0  # total losses of a flowing pump with a watchdog that were checked
        self.left_behind = 0  # flows that another process found
        self._lost: Counter[str] = Counter()
        self._person_s = -1.0  # when a person last did something at the pump

    def begin(self) -> None:
        for watch in self.world.beds.values():
            watch.on_start = self._start_heard
            watch.on_flow = self._flow_began
        plants = [watch.plant.settings for watch in self.world.beds.values()]
        self.error = max(each.error_percent + abs(each.drift_ppm) / 1e4 for each in plants) / 100
        self.ripple_ml = max(each.ripple_percent / 100 * each.ripple_period_ml for each in plants)
        self.world.on_boot = self.restarted
        self.world.monitor.on_danger = self._danger

    # -- starts ------------------------------------------------------------------------------------------------------

    def _start_heard(self) -> None:
        """Entries on disk are counted over all processes."""
        world, written = self.world, self.world.disk.written
        starts = sum(watch.starts for watch in world.beds.values())
        if starts > min(written["confirmation_accepted"], written["intent_start"]):
            counts = f"start {starts}, {written['confirmation_accepted']} confirmations and "
            world.violate("start", f"{counts}{written['intent_start']} intents on disk")
        if world.story.monitor:
            self._vitals_permit_a_start()
        if starts > world.confirmations:
            world.violate("wristband", f"start {starts}, {world.confirmations} confirmations with the right wristband")
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
        well = world.reached and world.watch.running

        def accepted() -> None:
            if well:
                world.later(STOP_S, self._stopped, at_s, ml, "stop", PROMPT_S)

        return accepted

    def _stopped(self, at_s: float, ml: float, rule: str, within_s: float = STOP_S) -> None:
        world = self.world
        flow = world.watch.flows[-1]
        if not (world.reached if rule == "stop" else world.calm) or (flow.cause != "wire" and flow.began_s >= at_s):
            return
        after_s = (world.now if flow.ended_s is None else flow.ended_s) - at_s
        if after_s > within_s:
            world.violate(rule, f"the pump runs {after_s:.3f} s after the stop at {at_s:.3f} s")
        elif (
            world.watch.delivered_ml - ml > STOP_ML + self._bolus_ml
        ):  # a blocked line that is freed releases what it held
            world.violate(rule, f"{world.watch.delivered_ml - ml:.3f} mL after the stop at {at_s:.3f} s")
        else:
            self.stops.append(after_s)

    # -- vital signs -------------------------------------------------------------------------------------------------

    def _vitals_permit_a_start(self) -> None:
        world, monitor = self.world, self.world.monitor
        since_s = world.now - monitor.true_s
        if since_s > FRESH_S + START_TAKES_S:
            world.violate("vitals", f"a start {since_s:.1f} s after the last true vital signs")
        elif monitor.dangerous:
            world.violate("vitals", "a start although the last vital signs are dangerous")

    def _danger(self) -> None:
        """Dangerous signs are being sent, which must stop a flow."""
        world = self.world
        running = world.watch.running and world.watch.flows[-1].cause == "wire"
        if running and world.calm and not world.ending:
            self.dangers += 1
            world.later(STOP_S, self._stopped, world.now, world.watch.delivered_ml, "vitals")

    def _vitals_lost(self) -> None:
        world = self.world
        flowing = world.watch.running and world.watch.flows[-1].cause == "wire"
        since_s = world.now - max(world.monitor.true_s, world.watch.flows[-1].began_s if flowing else 0.0)
        if flowing and world.calm and since_s > LOST_S + START_TAKES_S:
            world.violate("vitals", f"the pump runs {since_s:.1f} s after the last true vital signs")

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
        if self.world.native and watch.running and watch.flows[-1].cause == "wire" and seconds >= LEASE_S + 1:
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
        loaded = (world.bed, world.disk.written["program_loaded"])
        if loaded != self._loaded:
            self._loaded, self._loaded_ml = loaded, world.watch.moved_ml
        if world.story.monitor:
            self._vitals_lost()
        self._one_flows()
        if world.echoes and world.calm:
            self._heard()
        infusion = world.infusion
        if infusion is None:
            return
        quiet = world.watch.stopped_for_s >= QUIET_S and world.calm
        # In a protocol whose replies do not name their question, a late one passes for the next: check only when quiet.
        flowing = infusion.state.may_flow and infusion.started_ns is not None and world.now >= world.late_until
        if quiet or flowing:
            self._booked(infusion)

    def _one_flows(self) -> None:
        beds = self.world.beds.items()
        flowing = [bed for bed, watch in beds if watch.running and watch.flows[-1].cause == "wire"]
        if len(flowing) > 1:
            self.world.violate("orders", f"{' and '.join(flowing)} flow at once for one patient")

    def _heard(self) -> None:
        runner = self.world.control.gateway.runners[self.world.bed]
        if runner.problem or runner.missing:
            self.world.violate("echo", f"its line only echoes, and the pump is not heard: {runner.problem}")

    def _booked(self, infusion: Infusion) -> None:
        """Compare what is booked with what reached the patient, except by a person at the panel of a silent pump."""
        world = self.world
        booked, slack = _ml(infusion.booked(int(world.now * 1e9))), _ml(infusion.limits.counter_slack)
        what = f"infusion is {infusion.state.value}, {booked:.3f} mL booked"
        self.enough("booked", booked, world.given_by(infusion), what, slack)
        if infusion.treatment:
            given, earlier = world.given_of_treatment(infusion), _ml(infusion.earlier)
            self.enough("treatment", earlier + booked, given, f"{what} after {earlier:.3f} mL before", 3 * slack)
            self._bounded(infusion, given)

    def enough(self, rule: str, booked: float, given: float, what: str, slack: float = 0.0) -> None:
        if booked + given * self.error + self.ripple_ml + max(ROUND_ML, slack) < given:
            self.world.violate(rule, f"{what}, {given:.3f} mL given")

    def _bounded(self, infusion: Infusion, given: float) -> None:
        most = _ml(infusion.whole) * (1 + self.error) + self.ripple_ml + OVER_ML
        if given > most:
            self.world.violate("treatment", f"{given:.3f} mL given in all, prescribed {infusion.whole}")

    # -- the rest of a treatment ---------------------------------------------------------------------------------------

    def rest_ordered(self, infusion: Infusion | None) -> None:
        """At the answer to the order: nothing of it has flowed yet."""
        world = self.world
        if infusion is None or infusion.treatment != world.treatment:
            return  # the process died meanwhile
        self.rests += 1
        self._bounded(infusion, world.given_of_treatment(infusion) + _ml(infusion.prescribed))
        first = self._first.setdefault(infusion.treatment, self._fastest(infusion.treatment))
        if infusion.segment.program.highest_rate > first:
            world.violate("rest", f"it runs at {infusion.segment.program.highest_rate}, the first program at {first}")
        if infusion.started_ns is not None or infusion.confirmed is not None:
            world.violate("rest", "it is confirmed or started when it is ordered")

    def _fastest(self, treatment: str) -> Rate:
        began = next(each for each in self.world.entries() if each.kind == "began" and each.session == treatment)
        return infusion_from_data(began.fields["infusion"]).segment.program.highest_rate

    def rest_refused(self, answer: Answer | None) -> None:
        if answer is None or self.world.clock_was_set:
            return
        self.rests_refused += 1
        if any("PRG-17" in reason or "PRG-18" in reason for reason in answer.reasons):
            self.world.violate("spacing", f"the rest is refused: {answer.reasons}")

    def refuses_another(self, ended: Infusion, answer: Answer | None) -> None:
        """Another treatment was ordered right after this one had ended."""
        gave = ended.delivered > ZERO
        if answer is not None and answer.ok:
            self.world.treatment = ""
            if gave and not self.world.clock_was_set:
                self.world.violate("spacing", "another treatment is taken right after this one")

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
    if any(each.running for each in world.beds.values()):
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
    _confirmed(world, entries)
    _delivered(world, watching, entries)
    _book(world, watching, entries)
    _record(world, entries, infusion)
    return {
        "delivered_ml": sum(each.delivered_ml for each in world.beds.values()),
        "starts": sum(each.starts for each in world.beds.values()),
        "rests": watching.rests,
        "rests_refused": watching.rests_refused,
        "orders_at_once": world.orders_at_once,
        "lies": world.monitor.told,
        "dangers": watching.dangers,
        "wrong_scans": world.requests - world.confirmations,
        "processes": world.processes,
        "entries": len(entries),
        "slowest_stop_s": max(watching.stops, default=0.0),
        "stops_checked": len(watching.stops),
        "losses_checked": watching.losses,
        "found_flowing": watching.left_behind,
        "unprescribed_flows": sum(flow.cause != "wire" for each in world.beds.values() for flow in each.flows),
        "alarms": sum(entry.kind == "alarm_raised" for entry in entries),
    }


def _ml(volume: Volume) -> float:
    return float(volume.decimal)


def _confirmed(world: World, entries) -> None:
    """Each delivery was confirmed by itself, before each of its starts."""
    confirmed: Counter[str] = Counter()
    for entry in entries:
        confirmed[entry.session] += (entry.kind == "confirmation_accepted") - (entry.kind == "intent_start")
        if confirmed[entry.session] < 0:
            world.violate("start", f"entry {entry.id}: a start of {entry.session} without a confirmation of its own")


def _delivered(world: World, watching: Watching, entries) -> None:
    started = {entry.session for entry in entries if entry.kind == "intent_start"}
    began = {
        entry.session: entry.fields["infusion"]
        for entry in entries
        if entry.kind == "began" and entry.session in started
    }
    infusions = [infusion_from_data(infusion) for infusion in began.values()]
    ordered = sum({each.treatment or each.place.session: _ml(each.whole) for each in infusions}.values())
    given = world.given_ml()
    if given > ordered * (1 + watching.error) + watching.ripple_ml + OVER_ML:
        world.violate("delivered", f"{given:.3f} mL given of {ordered:.3f} mL ordered")


def _book(world: World, watching: Watching, entries) -> None:
    doses, concentrations = Doses(), {}
    doses.take(entries)
    for entry in entries:
        if entry.kind == "order_accepted":
            concentrations[entry.session] = Decimal(entry.fields["program"]["entry"]["concentration"].split()[0])
    known = doses.all()
    booked = sum(float(dose.worst.decimal / concentrations[dose.session]) for dose in known)
    what = f"the dose history says {booked:.3f} mL"
    watching.enough("booked", booked, world.given_ml(), what, ROUND_ML * len(known))


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
