"""Alarms at the bedside, through the whole gateway (ALM-05, -06, -09, -11, -14, COM-07, COM-11)."""

import asyncio

import pytest

from pumpd.control.alarms.sounder import LedFile, Sounder
from pumpd.pump import ALARM_TABLE, AlarmCode, Priority
from pumpd.telemetry.messages import Translator
from tests.bedside.tablet import bedsides
from tests.control.testbed import open_testbed


async def alive(here, seconds: float) -> None:
    """Keep the tablet's page open for so long."""
    for _ in range(round(seconds / 2)):
        await here.tablet.post("/api/alive")
        await asyncio.sleep(2)


def codes(here, pump="bed1") -> list[str]:
    return [alarm["code"] for alarm in here.testbed.gateway.alarms.of_pump(pump)]


async def occluded(here) -> None:
    """Block the line until the pump reports it."""
    here.testbed.pump.fire("occlusion")
    while "occlusion" not in codes(here):
        await alive(here, 2)


@pytest.mark.requirement("ALM-05", "ALM-06", "ALM-11")
async def test_the_journal_records_who_acknowledged_silenced_and_cleared_an_alarm(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        await occluded(here)
        alarms, by = here.testbed.gateway.alarms, f"Nurse 2001 (badge 2001), tablet ward tablet ({here.tablet.id})"
        await here.tablet.sign_in()
        assert alarms.board.sounding is Priority.HIGH
        assert (await here.tablet.ask("acknowledge", pump="bed1", code="occlusion"))["ok"]
        assert alarms.board.sounding is Priority.HIGH  # acknowledged is not silenced
        paused = await here.tablet.ask("pause_audio")
        assert paused["result"]["paused_s"] == 120
        assert alarms.board.sounding is None
        await alive(here, 118)
        assert alarms.board.sounding is None
        await alive(here, 4)
        assert alarms.board.sounding is Priority.HIGH
        await here.testbed.until("tripped")
        await here.tablet.sign_in()
        assert (await here.tablet.ask("clear", pump="bed1"))["ok"]
        assert here.bodies("alarm_raised")[0] | {"by": "pumpd", "code": "occlusion"} == here.bodies("alarm_raised")[0]
        assert here.bodies("alarm_acknowledged")[0]["by"] == by
        assert here.bodies("alarm_audio_paused")[0]["by"] == by
        assert here.bodies("alarm_audio_resumed")[0]["why"] == "time"
        assert by in [body["by"] for body in here.bodies("alarm_cleared") if body["code"] == "occlusion"]


@pytest.mark.requirement("ALM-06")
async def test_a_new_alarm_ends_a_pause_of_the_sound_within_a_second(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        assert (await here.tablet.ask("pause", pump="bed1", reason="patient asked"))["ok"]
        await alive(here, 186)
        await here.tablet.sign_in()
        alarms = here.testbed.gateway.alarms
        assert codes(here) == ["pause_ending"]
        await here.tablet.ask("pause_audio")
        assert alarms.board.sounding is None
        here.testbed.pump.press("start")  # started at its own panel: HIGH
        while not here.bodies("alarm_raised")[1:]:
            await alive(here, 2)
        assert alarms.board.sounding is Priority.HIGH
        entries = {
            entry.kind: entry
            for entry in here.testbed.entries()
            if entry.kind in ("alarm_raised", "alarm_audio_resumed")
        }
        assert entries["alarm_audio_resumed"].fields["why"] == "new_alarm"
        assert abs(entries["alarm_audio_resumed"].mono_ns - entries["alarm_raised"].mono_ns) <= 1e9


@pytest.mark.requirement("ALM-14")
async def test_a_high_alarm_without_acknowledgement_escalates_after_a_minute(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        await occluded(here)
        await alive(here, 70)
        entries = {
            entry.kind: entry for entry in here.testbed.entries() if entry.kind in ("alarm_raised", "alarm_escalated")
        }
        waited_s = (entries["alarm_escalated"].mono_ns - entries["alarm_raised"].mono_ns) / 1e9
        assert 60 <= waited_s < 61
        (message,) = Translator("ward-7", {"bed1": True}).messages(entries["alarm_escalated"])
        assert message.topic == "pumpd/v1/ward-7/pumps/bed1/events"
        assert b'"kind":"alarm_escalated"' in message.payload
        assert b'"cause":"Line blocked or motor stalled"' in message.payload


@pytest.mark.requirement("COM-07")
async def test_losing_the_tablet_leaves_the_infusion_alone_and_is_a_low_then_a_medium_alarm(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        await alive(here, 10)
        assert codes(here, "") == []
        begun = here.testbed.truth()
        await asyncio.sleep(7)
        assert codes(here, "") == ["tablet_lost"]
        assert ALARM_TABLE[AlarmCode.TABLET_LOST].priority is Priority.LOW
        await asyncio.sleep(50)
        assert codes(here, "") == ["tablet_lost"]
        await asyncio.sleep(12)
        assert codes(here, "") == ["tablet_gone"]
        assert ALARM_TABLE[AlarmCode.TABLET_GONE].priority is Priority.MEDIUM
        assert here.testbed.state() == "running"
        assert here.testbed.truth() > begun + 0.9  # 52.5 mL/h for more than a minute
        await alive(here, 2)
        assert codes(here, "") == []
        await asyncio.sleep(30)
        assert (await here.testbed.ask(op="stop")).ok  # local stop remains
        await here.testbed.until("stopped")


@pytest.mark.requirement("COM-11", "ALM-06")
async def test_a_pause_of_the_sound_ends_within_five_seconds_of_losing_the_tablet_that_asked_for_it(
    tmp_path, monkeypatch
):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        await occluded(here)
        await here.tablet.sign_in()
        await here.tablet.ask("pause_audio")
        await alive(here, 20)
        alarms = here.testbed.gateway.alarms
        assert alarms.board.sounding is None
        await asyncio.sleep(2.9)  # `alive` sleeps for two seconds after each report
        assert alarms.board.sounding is None
        await asyncio.sleep(0.2)
        assert alarms.board.sounding is Priority.HIGH
        assert here.bodies("alarm_audio_resumed")[-1] == {"why": "tablet_lost", "by": "pumpd"}


@pytest.mark.requirement("ALM-09")
async def test_an_unconfirmed_program_reminds_after_three_minutes_without_a_touch(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        await alive(here, 178)
        assert codes(here) == []
        await alive(here, 4)
        assert codes(here) == ["confirmation_waiting"]
        await here.tablet.sign_in()
        assert (await here.tablet.confirm())["ok"]
        await here.testbed.until("running")
        assert codes(here) == []


@pytest.mark.requirement("ALM-09")
@pytest.mark.parametrize("op", ["touch", "challenge"])
async def test_no_prompt_comes_while_a_person_is_checking(tmp_path, monkeypatch, op):
    """Ten minutes of reading the review, scrolling at each two minutes."""
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        await here.tablet.sign_in()
        for _ in range(5):
            await alive(here, 120)
            assert codes(here) == []
            assert (await here.tablet.ask(op, **({} if op == "touch" else {"pump": "bed1"})))["ok"]
        await alive(here, 178)
        assert codes(here) == []
        await alive(here, 4)
        assert codes(here) == ["confirmation_waiting"]
        await here.tablet.sign_in()
        await alive(here, 2)
        assert codes(here) == []  # a person is there


@pytest.mark.requirement("ALM-09")
async def test_a_tablet_on_which_nobody_is_signed_in_holds_no_prompt_back(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        await here.tablet.ask("sign_out")
        for op in ("touch", "hello"):
            await alive(here, 60)
            await here.tablet.ask(op)
        await alive(here, 62)
        assert codes(here) == ["confirmation_waiting"]


@pytest.mark.requirement("ALM-09")
async def test_asking_at_the_gateway_for_what_is_to_be_confirmed_counts_as_checking(tmp_path):
    async with open_testbed(tmp_path) as here:
        assert (await here.order()).ok
        await here.until("ready")
        await asyncio.sleep(170)
        assert (await here.ask(op="challenge", pump="bed1")).ok
        await asyncio.sleep(178)
        assert here.gateway.alarms.of_pump("bed1") == []
        await asyncio.sleep(3)
        assert [each["code"] for each in here.gateway.alarms.of_pump("bed1")] == ["confirmation_waiting"]


@pytest.mark.requirement("ALM-09")
async def test_a_forgotten_pause_alarms_after_five_minutes(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        assert (await here.tablet.ask("pause", pump="bed1", reason="patient asked"))["ok"]
        await here.testbed.until("paused")
        await alive(here, 176)
        assert codes(here) == []
        await alive(here, 120)
        assert codes(here) == ["pause_ending"]
        await alive(here, 8)
        assert codes(here) == ["pause_too_long"]
        assert ALARM_TABLE[AlarmCode.PAUSE_TOO_LONG].priority is Priority.MEDIUM


@pytest.mark.requirement("ALM-07")
async def test_the_gateways_own_sounder_plays_with_no_tablet_no_broker_and_no_network(tmp_path):
    """A file takes the place of the LED or buzzer. Each write to it is one edge."""
    played: list[tuple[float, str]] = []

    class File:
        def open(self, _mode):
            return self

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, text):
            played.append((asyncio.get_running_loop().time(), text))

    async with open_testbed(tmp_path) as here:
        board = here.gateway.alarms
        sounder = Sounder(LedFile(File()), lambda: board.board.sounding)
        board.on_change = sounder.change
        playing = asyncio.create_task(sounder.run())
        await here.start()
        assert [text for _, text in played] == ["0"]
        here.pump.fire("occlusion")
        await here.until("tripped", within_s=120)
        raised = next(entry.mono_ns / 1e9 for entry in here.entries() if entry.kind == "alarm_raised")
        await asyncio.sleep(5)
        edges = [(at - raised, text) for at, text in played if at >= raised]
        assert edges[0][0] < 1.0
        assert [text for at, text in edges if at < edges[0][0] + 5] == ["255", "0"] * 10  # ten pulses, then a pause
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        assert played[-1][1] == "0"


async def test_a_sounder_that_does_not_work_is_reported_and_changes_nothing_else(tmp_path):
    sounder = Sounder(LedFile(tmp_path / "none" / "brightness"), lambda: Priority.HIGH)
    playing = asyncio.create_task(sounder.run())
    await asyncio.sleep(10)
    assert "brightness" in sounder.problem
    assert not playing.done()
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)


async def test_an_alarm_of_the_gateway_that_outlived_its_process_is_cleared_by_the_next(tmp_path, monkeypatch):
    """Otherwise the broker, which retains active alarms, would keep it for ever."""
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        await alive(here, 2)
        await asyncio.sleep(185)
        assert codes(here, "") == ["tablet_gone"]
        assert codes(here) == ["confirmation_waiting"]
    async with bedsides(tmp_path, monkeypatch) as here:
        await asyncio.sleep(1)
        assert codes(here, "") == codes(here) == []
        cleared = [
            (entry.pump, entry.fields["code"]) for entry in here.testbed.entries() if entry.kind == "alarm_cleared"
        ]
        assert sorted(cleared) == [("", "tablet_gone"), ("", "tablet_lost"), ("bed1", "confirmation_waiting")]
