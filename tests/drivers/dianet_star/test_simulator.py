"""The simulated Dianet Star pumps, frame by frame; sheet: dianet-star.md."""

import asyncio

import pytest

from pumpd_drivers.dianet_star.codec import Reply, ReplyFramer, Request
from pumpd_drivers.dianet_star.segments import (
    HISTORY_LAYOUT,
    Action,
    Actual,
    Alarm,
    CcMode,
    DoIt,
    Ident,
    Limits,
    Mode,
    Proposal,
    Refusal,
    Reload,
    Setpoint,
    State,
    Status,
    Word,
)
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.device import Operation, PanelError
from pumpd_simulators.dianet_star import FAMILY
from pumpd_simulators.plant import Plant, PlantSettings

A = ord("A")
NUMBER = 0x0FEC3039  # the sheet's: Perfusor fm, serial 12345


class Bench:
    """A pump and what it says."""

    def __init__(self, model="perfusor-fm", *, contents_ml=None, **options):
        self.plant = Plant(LoopClock(), PlantSettings.ideal(contents_ml))
        self.pump = FAMILY.make([self.plant], model, FAMILY.options.of(options))
        self.heard = b""
        self.doing = []
        self.pump.attach(self._hear)

    def _hear(self, data):
        self.heard += data
        self.doing.append(self.pump.doing)

    def say(self, raw):
        self.heard = b""
        self.pump.feed(raw)
        return self.heard

    def ask(self, segment, data=b"", address=A):
        """The one reply, or None."""
        frames = ReplyFramer().feed(self.say(Request(address, segment, data).to_bytes()))
        assert len(frames) <= 1
        return frames[0] if frames else None

    def get(self, kind):
        words = {Ident: Word.IDENT, Status: Word.STATUS, Actual: Word.ACTUAL, Setpoint: Word.SETPOINT}
        words |= {Limits: Word.LIMITS, Reload: Word.RELOAD, Proposal: Word.PROPOSAL}
        reply = self.ask(words[kind], address=0 if kind is Ident else A)
        assert reply.taken, reply
        return kind.of(reply.data)

    def switch(self, mode, *, number=NUMBER, address=A, unix=0xFFFFFFFF):
        return self.ask(Word.CC_MODE, CcMode(number ^ 0xFFFFFFFF, mode, address, unix).to_data(), address=0).refusal

    def act(self, action, flag=1):
        return self.ask(Word.ACTION, DoIt(action, flag).to_data()).refusal

    def set(self, **fields):
        return self.ask(Word.SET_SETPOINT, Setpoint(**fields).to_data()).refusal

    def reload(self, *fields):
        return self.ask(Word.SET_RELOAD, Reload(*fields).to_data()).refusal

    @property
    def alarms(self):
        return Alarm(self.get(Status).alarms)

    @property
    def state(self):
        return State(self.get(Status).state)

    async def wait(self, seconds):
        """Time passes while a host keeps talking."""
        while seconds > 0:
            await asyncio.sleep(min(seconds, 0.4))
            seconds -= 0.4
            self.ask(Word.IDENT, address=0)

    def run(self, rate=7500, vtbd=500):
        assert self.switch(Mode.FERNREGEL) is None
        assert self.set(rate=rate, vtbd=vtbd) is None
        assert self.act(Action.START_STOP) is None


@pytest.fixture
def bench():
    made = []

    def make(*args, **options):
        made.append(Bench(*args, **options))
        return made[-1]

    yield make
    for each in made:
        each.pump.shut()
        each.plant.shut()


async def test_the_sheets_frames_byte_for_byte(bench):
    here = bench()
    raw = bytes.fromhex
    assert here.say(raw("7E 41 02 5C 0D 7E")) == b""  # it has no address yet
    ident = ReplyFramer().feed(here.say(raw("7E 00 01 1D 0E 7E")))[0]
    assert Ident.of(ident.data).number == NUMBER
    assert here.say(raw("7E 00 10 F0 13 CF C6 02 41 FF FF FF FF D5 78 7E")) == Reply(0, Word.CC_MODE).to_bytes()
    assert here.state & State.FERNREGEL
    setpoint = "7E 41 12 00 00 1D 4C 00 00 01 F4 " + "FF" * 31 + "7D 5E 92 7E"
    assert here.say(raw(setpoint)) == Reply(A, Word.SET_SETPOINT).to_bytes()
    assert here.say(raw("7E 41 11 00 01 B8 2C 7E")) == raw("7E 41 11 06 85 7F 7E")
    assert here.plant.truth().rate_ml_h == pytest.approx(75)
    assert here.say(raw("7E 41 11 00 00 B8 2D 7E")) == raw("7E 41 11 06 85 7F 7E")
    assert not here.plant.truth().running
    here.switch(Mode.DOKU)
    assert here.say(raw(setpoint)) == raw("7E 41 12 15 09 9D 47 7E")


async def test_the_pump_is_identified(bench):
    for model, kind in (("perfusor-fm", 1019), ("infusomat-fms", 202)):
        here = bench(model, serial=77, software="V1", unix_time_s=1_000_000)
        await asyncio.sleep(5)
        ident = here.get(Ident)
        assert (ident.kind, ident.serial, ident.version) == (kind, 77, b"V1        ")
        assert ident.unix_time_s == 1_000_005


async def test_refusals_have_their_codes(bench):
    here = bench()
    assert here.switch(Mode.FERNREGEL, number=NUMBER + 1) == Refusal.IDENT
    assert here.ask(Word.STATUS) is None
    assert here.switch(Mode.FERNREGEL, address=ord("a")) == Refusal.ADDRESS
    assert here.switch(7) == Refusal.RANGE
    assert here.switch(Mode.DOKU) is None
    assert here.act(Action.START_STOP) == Refusal.MODE
    assert here.reload(0, 0, 0) == Refusal.MODE
    assert here.switch(Mode.FERNSTEUER) is None
    assert here.reload(0, 0, 0) == Refusal.MODE  # closed loop only
    assert here.switch(Mode.FERNREGEL) is None
    for fields in ({"rate": 9}, {"rate": 9991}, {"vtbd": 10000}, {"pressure": 0}, {"pressure": 10}):
        assert here.set(**fields) == Refusal.RANGE
    assert here.get(Setpoint).rate == here.get(Setpoint).vtbd == 0
    assert here.reload(1, 9, 1) == here.reload(1, 10, 10000) == here.act(0x0C) == Refusal.RANGE
    assert here.ask(Word.STATUS, b"\0").refusal == here.ask(Word.ACTION, b"\0").refusal == Refusal.LENGTH
    assert here.ask(0x15).refusal == here.ask(0x30).refusal == Refusal.SEGMENT
    assert here.act(Action.VOLUME_BOLUS) == here.act(Action.STANDBY) == Refusal.ACTION
    assert here.act(Action.START_STOP, 0xFF) is None
    assert not here.plant.truth().running
    assert here.ask(Word.STATUS, address=ord("B")) is None
    assert bench(other_address="nak").ask(Word.STATUS).refusal == Refusal.ADDRESS


@pytest.mark.requirement("COM-14")
async def test_a_damaged_frame_changes_nothing_and_a_gap_drops_a_frame(bench):
    here = bench()
    here.run()
    stop = bytes.fromhex("7E 41 11 00 00 B8 2D 7E")
    assert ReplyFramer().feed(here.say(stop.replace(b"\x2d", b"\x2c")))[0] == Reply(A, 0, b"\x01", taken=False)
    assert here.plant.truth().running
    here.say(stop[:4])
    await asyncio.sleep(0.31)
    here.say(stop[4:])
    assert here.plant.truth().running
    here.say(stop[:4])
    await asyncio.sleep(0.29)
    here.say(stop[4:])
    assert not here.plant.truth().running
    assert bench(answers_damaged=False).say(b"\x7e\x41\x02\0\0\x7e") == b""


@pytest.mark.requirement("COM-13")
async def test_silence_ends_closed_loop_and_the_flow_after_1200_ms(bench):
    here = bench()
    here.run()
    await here.wait(8)
    before = here.plant.moved()[0]
    await asyncio.sleep(1.19)
    assert here.plant.truth().running
    await asyncio.sleep(0.02)
    assert not here.plant.truth().running
    assert here.plant.moved()[0] - before == pytest.approx(75 * 1.2 / 3600, rel=1e-6)
    status = here.get(Status)
    assert Alarm(status.alarms) == Alarm.COMMUNICATION
    assert State(status.state) & (State.DOKU | State.FERNREGEL | State.RUNNING) == State.DOKU
    assert here.act(Action.START_STOP) == Refusal.MODE
    assert here.switch(Mode.FERNREGEL) is None
    assert not here.alarms
    assert not here.plant.truth().running


async def test_noise_and_frames_for_others_do_not_feed_the_watchdog(bench):
    here = bench()
    here.run()
    for _ in range(4):
        await asyncio.sleep(0.4)
        here.say(b"\x7e\x41\x02\0\0\x7e")
        here.ask(Word.STATUS, address=ord("B"))
    assert not here.plant.truth().running


async def test_the_other_choices_for_a_lost_host(bench):
    here = bench(at_timeout="go-on", address_survives=False)
    here.run()
    await asyncio.sleep(2)
    assert here.plant.truth().running
    assert here.ask(Word.STATUS) is None
    assert here.switch(Mode.DOKU) is None
    here = bench(timeout_in_mode_1=False)
    here.switch(Mode.FERNSTEUER)
    await asyncio.sleep(60)
    assert here.state & State.FERNSTEUER


async def test_the_vtbd_ends_the_flow_and_closed_loop(bench):
    here = bench()
    here.run(rate=6000, vtbd=10)
    await here.wait(30)
    status = here.get(Status)
    assert (status.rate, status.remaining_vtbd, status.remaining_min) == (6000, 5, 1)
    assert here.get(Actual).infused == 5
    await here.wait(31)
    assert here.plant.moved()[0] == pytest.approx(1)
    assert here.get(Actual).infused == 10
    assert here.alarms == Alarm.VTBD_END
    assert here.state & (State.FERNSTEUER | State.FERNREGEL | State.RUNNING) == State.FERNSTEUER
    assert here.get(Setpoint).vtbd == 0
    assert here.act(Action.CLEAR_VOLUME) is None
    assert here.get(Actual).infused == 0


async def test_kvo_continues_after_the_vtbd(bench):
    here = bench(kvo_ml_h=3, after_vtbd="stay")
    here.run(rate=6000, vtbd=10)
    await here.wait(120)
    assert here.state & (State.KVO | State.RUNNING | State.FERNREGEL) == State.KVO | State.FERNREGEL
    assert here.alarms == Alarm.VTBD_END | Alarm.KVO_PRE_ALARM
    assert here.plant.truth().rate_ml_h == pytest.approx(3)
    here.act(Action.START_STOP, 0)
    assert not here.plant.truth().running


async def test_a_reload_is_a_second_step(bench):
    here = bench()
    here.run(rate=6000, vtbd=10)
    assert here.reload(1, 3000, 5) is None
    assert here.state & State.RELOAD
    await here.wait(61)
    assert here.plant.truth().rate_ml_h == pytest.approx(30)
    assert (here.get(Setpoint).rate, here.get(Setpoint).vtbd) == (3000, 5)
    assert here.get(Reload).active == 0
    await here.wait(70)
    assert here.plant.moved()[0] == pytest.approx(1.5)
    assert not here.plant.truth().running


async def test_without_a_vtbd_nothing_ends_the_flow(bench):
    here = bench()
    here.run(rate=6000, vtbd=0)
    await here.wait(600)
    assert here.plant.moved()[0] == pytest.approx(10, abs=0.02)


async def test_a_time_ends_the_flow(bench):
    here = bench()
    here.switch(Mode.FERNREGEL)
    here.set(rate=6000, vtbd=0, time_min=2)
    here.act(Action.START_STOP)
    await here.wait(60)
    here.act(Action.START_STOP, 0)
    await here.wait(60)
    assert here.get(Status).remaining_min == 1
    here.act(Action.START_STOP)
    await here.wait(61)
    assert here.alarms == Alarm.TIME_END
    assert here.plant.moved()[0] == pytest.approx(2, abs=0.01)


async def test_boluses_are_given_and_counted(bench):
    """As a known client: rate 0, start, then boluses by volume; and by hand, a second each."""
    here = bench()
    here.switch(Mode.FERNREGEL)
    here.set(rate=0, vtbd=7, bolus_rate=99990, bolus_volume=2)
    here.act(Action.START_STOP)
    assert here.state & (State.RUNNING | State.BOLUS_READY) == State.RUNNING | State.BOLUS_READY
    assert not here.plant.truth().running
    assert here.act(Action.VOLUME_BOLUS) is None
    assert here.state & State.BOLUS_VOLUME
    await here.wait(1.2)
    assert not here.state & State.BOLUS_VOLUME
    assert here.plant.moved()[0] == pytest.approx(0.2)
    here.set(bolus_rate=36000)
    here.act(Action.MANUAL_BOLUS)
    await here.wait(2)
    assert here.plant.moved()[0] == pytest.approx(0.3)
    here.set(bolus_volume=100)
    here.act(Action.VOLUME_BOLUS)
    await here.wait(20)
    assert here.plant.moved()[0] == pytest.approx(0.7)  # the VTBD holds for a bolus too
    assert here.alarms == Alarm.VTBD_END


@pytest.mark.parametrize(
    ("model", "cause", "alarm"),
    [
        ("perfusor-fm", lambda plant: plant.occlude(), Alarm.PRESSURE),
        ("perfusor-fm", lambda plant: plant.jam(), Alarm.PRESSURE),
        ("perfusor-fm", lambda plant: plant.open_door(), Alarm.SYRINGE),
        ("perfusor-fm", lambda plant: plant.refill(0.1), Alarm.EMPTY | Alarm.SYRINGE_PRE_ALARM),
        ("infusomat-fms", lambda plant: plant.occlude(), Alarm.PRESSURE),
        ("infusomat-fms", lambda plant: plant.open_door(), Alarm.DOOR),
        ("infusomat-fms", lambda plant: plant.bubble(2), Alarm.AIR),
        ("infusomat-fms", lambda plant: plant.free_flow(50), Alarm.DROPS),
    ],
)
async def test_each_alarm_ends_the_flow_and_has_its_bit(bench, model, cause, alarm):
    here = bench(model)
    assert here.switch(Mode.FERNREGEL, number=here.get(Ident).number) is None
    here.set(rate=9000, vtbd=500)
    here.act(Action.START_STOP)
    await here.wait(4)
    cause(here.plant)
    await here.wait(90)
    assert here.alarms == alarm
    assert not here.plant.truth().running
    assert not here.state & State.RUNNING


async def test_the_pressure_alarm_comes_at_the_chosen_level(bench):
    """Level 3 is 300 mmHg here; the ideal plant stores 0.0005 mL a mmHg: 0.15 mL at 90 mL/h is 6 s."""
    here = bench()
    here.switch(Mode.FERNREGEL)
    here.set(rate=9000, vtbd=500, pressure=3)
    here.act(Action.START_STOP)
    here.plant.occlude()
    await here.wait(3)
    assert here.get(Actual).pressure_percent == 50
    await here.wait(2.8)
    assert not here.alarms
    await here.wait(0.4)
    assert here.alarms == Alarm.PRESSURE
    here.plant.release()
    here.act(Action.START_STOP)  # a start acknowledges
    assert not here.alarms


async def test_a_lasting_condition_prevents_a_start(bench):
    here = bench()
    here.run()
    here.plant.open_door()
    here.act(Action.START_STOP, 0)
    assert here.alarms == Alarm.SYRINGE
    assert not here.state & State.RUN_READY
    assert here.act(Action.START_STOP) == Refusal.ACTION
    here.plant.close_door()
    assert here.state & State.RUN_READY
    assert here.act(Action.START_STOP) is None


async def test_warnings_do_not_end_the_flow(bench):
    here = bench(contents_ml=6)
    here.run()
    here.plant.mains(on=False)
    here.plant.discharge(15)
    await here.wait(60)
    assert here.alarms == Alarm.BATTERY_PRE_ALARM | Alarm.SYRINGE_PRE_ALARM
    assert not here.state & State.MAINS
    assert here.plant.truth().running
    assert here.get(Actual).battery_min < 72  # 15 % of 8 h


async def test_keys_work(bench):
    here = bench()
    here.switch(Mode.FERNSTEUER)
    here.pump.press("rate", "30")
    here.pump.press("vtbd", "20")
    assert here.set(rate=100) == Refusal.USER
    assert here.act(Action.START_STOP, 0) == Refusal.USER
    status = here.get(Status)
    assert status.request == 1
    assert State(status.state) & State.OPERATED
    assert here.get(Status).request == 0
    await here.wait(2.1)
    assert here.act(Action.START_STOP) is None
    here.pump.press("rate", "50%")
    assert here.plant.truth().rate_ml_h == pytest.approx(15)
    here.pump.press("stop")
    assert not here.plant.truth().running
    here.pump.press("start")
    for key, value in (("rate", "soup"), ("rate", "0"), ("rate", "5000"), ("rate", None), ("stop", "1"), ("fly", None)):
        with pytest.raises(PanelError):
            here.pump.press(key, value)
    await here.wait(2.1)
    here.act(Action.DATA_LOCK)
    with pytest.raises(PanelError):
        here.pump.press("start")
    assert here.pump.display()["mode"] == "FERNSTEUER"


async def test_in_closed_loop_keys_only_raise_an_alarm(bench):
    for choice, runs in (("stops", False), ("blocked", True)):
        here = bench(stop_key_in_fernregel=choice)
        here.run()
        with pytest.raises(PanelError):
            here.pump.press("rate", "10")
        here.pump.press("stop")
        assert here.plant.truth().running is runs
        assert here.alarms == Alarm.KEY_IN_FERNREGEL


async def test_loss_of_power_erases_everything(bench):
    here = bench()
    here.run()
    await here.wait(10)
    here.pump.power(on=False)
    assert here.ask(Word.IDENT, address=0) is None
    assert not here.plant.truth().running
    here.pump.power(on=True)
    assert here.ask(Word.STATUS) is None
    here.switch(Mode.DOKU)
    assert here.get(Setpoint).rate == here.get(Setpoint).vtbd == here.get(Actual).infused == 0


async def test_the_other_segments_are_answered(bench):
    here = bench()
    here.switch(Mode.FERNREGEL, unix=5)
    assert here.get(Ident).unix_time_s == 5
    assert here.ask(Word.SET_PROPOSAL, Proposal(b"H2O".ljust(20), 100).to_data()).taken
    assert here.get(Proposal).drug.rstrip() == b"H2O"
    limits = here.get(Limits)
    assert (limits.cc_rate_min, limits.cc_rate_max, limits.vtbd_max, limits.pressure_max) == (10, 9990, 9999, 9)
    assert len(here.ask(Word.DOSE).data) == 21
    here.set(rate=6000, vtbd=100, drug=b"NaCl 0.9".ljust(20))
    here.act(Action.START_STOP)
    assert here.switch(Mode.FERNREGEL, unix=9) == Refusal.CLOCK
    await here.wait(61)
    here.act(Action.START_STOP, 0)
    now, *rest = HISTORY_LAYOUT.unpack(here.ask(Word.HISTORY).data)
    assert (now, rest[:4], rest[-1]) == (1, [0, 6000, 1, 0], 0xFFFFFFFF)
    assert here.get(Setpoint).drug.rstrip() == b"NaCl 0.9"
    here.set(standby_min=1)
    assert here.act(Action.STANDBY) is None
    assert here.state & State.STANDBY
    await here.wait(61)
    assert here.alarms == Alarm.STANDBY_END
    here.act(Action.ALARM_OFF)
    assert here.state & (State.ALARM_MUTED | State.ALARM_SOUNDS) == State.ALARM_MUTED
    await here.wait(121)
    assert here.state & State.ALARM_SOUNDS


async def test_its_activity_is_named_in_the_words_common_to_all_families(bench):
    here = bench()
    here.get(Ident)
    here.run()
    here.get(Ident)
    here.get(Status)
    here.act(Action.START_STOP, 0)
    here.act(Action.ALARM_OFF)
    assert here.doing == [
        Operation.IDENTIFY,
        Operation.KEEP_ALIVE,
        Operation.PROGRAM,
        Operation.START,
        Operation.KEEP_ALIVE,
        Operation.READ,
        Operation.STOP,
        Operation.OTHER,
    ]
    assert here.pump.doing is None
