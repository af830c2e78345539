"""ALM-16: one list of active alarms for tablet, command line, sound, telemetry, escalation; every raise is cleared."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import replace
from datetime import datetime

import pytest

from pumpd.driving import LinkDriver
from pumpd.journal import Entry, Journal, JournalError
from pumpd.journal.replay import Replay
from pumpd.pump import ALARM_TABLE, AlarmCode, Done, Priority, PumpAlarm, PumpState, Unknown
from pumpd.telemetry.messages import Translator
from pumpd.wire import memory
from pumpd_simulators.bench import simulate
from pumpd_simulators.faults import Fault
from tests.control.test_restart import die
from tests.control.testbed import open_testbed, restart

SPACE = {"driver": "space-bcc", "model": "PERFUSOR SPACE", "simulated": {"name": "space-bcc"}, "each": {"bed1": {}}}


def shown(gateway):
    """Every alarm by (pump, code), as tablet and command line show it and as it sounds; all must agree."""
    tablet = on_screen(gateway.live.state())
    assert tablet == on_screen(gateway.status())
    assert tablet == {(alarm.pump, alarm.code.value) for alarm in gateway.alarms.active()}
    assert tablet == {(pump, code.value) for pump, code in gateway.alarms.board.active}
    highest = max((ALARM_TABLE[AlarmCode(code)].priority for _, code in tablet), default=None)
    assert gateway.alarms.board.sounding is highest
    return tablet


def on_screen(state):
    found = {("", alarm["code"]) for alarm in state["alarms"]}
    return found | {(pump["pump"], alarm["code"]) for pump in state["pumps"] for alarm in pump["alarms"]}


def retained(here):
    """The alarms that a broker retains once it has every entry: the topics whose last message is not empty."""
    translator, topics = Translator("ward-7", {entry.pump: True for entry in here.entries()}), {}
    for entry in here.entries():
        for message in translator.messages(entry):
            if "/alarms/" in message.topic:
                topics[message.topic] = message.payload
    return {topic.rpartition("/")[2] for topic, payload in topics.items() if payload}


def unpaired(here):
    """The number of raises minus the number of clears on record, by pump and code, where they differ."""
    counted = Counter()
    for entry in here.entries():
        if entry.kind in ("alarm_raised", "alarm_cleared"):
            counted[entry.pump, entry.fields["code"]] += 1 if entry.kind == "alarm_raised" else -1
    return {key: count for key, count in counted.items() if count}


@contextlib.contextmanager
def lost_stops(monkeypatch):
    """No stop reaches a pump."""

    async def lost(self):
        return Unknown("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(LinkDriver, "stop", lost)
        yield


@pytest.mark.requirement("ALM-16", "PWR-10")
async def test_a_journal_that_cannot_be_read_and_a_pump_that_cannot_be_stopped_are_alarms_everywhere(
    tmp_path, monkeypatch
):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await die(here)
        here.gateway.journal._journal.close()
        here.journal.write_bytes(b"the quick brown fox " * 1000)
        with lost_stops(monkeypatch):
            async with restart(here) as made:
                await asyncio.sleep(6)
                assert here.pump.truth()["running"]
                assert shown(made) == {
                    ("", "journal_failed"),
                    ("bed1", "stop_unconfirmed"),
                    ("bed1", "unprescribed_flow"),
                }
                assert made.alarms.board.sounding is Priority.HIGH
                await asyncio.sleep(60)
                assert all(alarm.escalated for alarm in made.alarms.active())


@pytest.mark.requirement("ALM-16", "PWR-11")
async def test_a_journal_that_fails_is_an_alarm_everywhere_until_it_can_be_written_again(tmp_path):
    async with open_testbed(tmp_path) as here:
        here.gateway.journal.on_failure(JournalError("disk full"))
        await asyncio.sleep(0.1)
        assert shown(here.gateway) == {("", "journal_failed")}
        here.gateway.journal.on_restored(0)
        await asyncio.sleep(0.1)
        assert shown(here.gateway) == set()
        assert unpaired(here) == {}
        assert retained(here) == set()


def reports(runner, *alarms, state=PumpState.ALARM):
    """From now on every reading of this pump has these alarms."""
    plain = runner.driver.read

    async def read():
        outcome = await plain()
        return Done(replace(outcome.value, state=state, alarms=alarms)) if isinstance(outcome, Done) else outcome

    runner.driver.read = read


@pytest.mark.requirement("ALM-16")
async def test_the_alarm_of_a_pump_that_is_only_monitored_is_an_alarm_everywhere(tmp_path):
    async with open_testbed(tmp_path, **SPACE) as here:
        runner = here.gateway.runners["bed1"]
        plain = runner.driver.read
        reports(runner, PumpAlarm.OCCLUSION)
        await asyncio.sleep(10)
        assert shown(here.gateway) == {("bed1", "occlusion")}
        assert retained(here) == {"occlusion"}
        runner.driver.read = plain
        await asyncio.sleep(10)
        assert shown(here.gateway) == set()
        assert unpaired(here) == {}
        assert retained(here) == set()


@pytest.mark.requirement("ALM-16")
@pytest.mark.parametrize(
    ("state", "lost"), [(state, set() if state.no_flow else {("bed1", "link_lost")}) for state in PumpState]
)
async def test_a_monitored_pump_that_is_lost_while_it_flows_is_an_alarm_until_it_is_heard_again(tmp_path, state, lost):
    async with open_testbed(tmp_path, **SPACE) as here:
        reports(here.gateway.runners["bed1"], state=state)
        await asyncio.sleep(10)
        memory.unplug("bed1")
        await asyncio.sleep(30)
        assert shown(here.gateway) == lost
        memory.plug("bed1")
        await asyncio.sleep(30)
        assert shown(here.gateway) == set()
        assert unpaired(here) == {}


@contextlib.contextmanager
def another_pump():
    memory.serve("bed1", bench := simulate(name="new-era", seed=1))
    try:
        yield
    finally:
        memory.withdraw("bed1")
        bench.shut()


@pytest.mark.requirement("ALM-16")
async def test_the_alarm_of_an_infusion_that_has_ended_is_cleared_on_record_when_a_restart_forgets_it(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        assert (await here.ask(op="pause", pump="bed1", by="n", reason="test")).ok
        await here.until("paused")
        await here.until("stopped", within_s=400)
        assert shown(here.gateway) == {("bed1", "pause_too_long")}
        session = here.gateway.runners["bed1"].infusion.place.session
    with another_pump():
        async with restart(here) as made:
            await asyncio.sleep(5)
            assert shown(made) == set()
            cleared = [entry for entry in here.entries() if entry.kind == "alarm_cleared"]
            codes = [(entry.fields["code"], entry.session) for entry in cleared]
            assert codes == [("pause_ending", session), ("pause_too_long", session)]
            assert retained(here) == set()


@pytest.mark.requirement("ALM-16")
async def test_an_infusion_that_ended_while_its_pump_was_lost_keeps_that_alarm_until_the_pump_replies(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        memory.unplug("bed1")
        await here.until("stopping", "uncertain", "tripped", within_s=60)
        await asyncio.sleep(60)
        assert ("bed1", "link_lost") in shown(here.gateway)
        await here.ask(op="stop", pump="bed1", by="n", reason="test")
        await here.ask(op="reconcile", pump="bed1", by="n", volume="0.2 mL", reason="read off", seen_stopped=True)
        await asyncio.sleep(10)
        assert here.gateway.runners["bed1"].infusion.state.ended
        assert ("bed1", "link_lost") in shown(here.gateway)
        memory.plug("bed1")
        await asyncio.sleep(30)
        assert ("bed1", "link_lost") not in shown(here.gateway)
        assert ("bed1", "link_lost") not in unpaired(here)


@pytest.mark.requirement("ALM-16")
async def test_after_a_process_dies_each_of_its_alarms_is_active_or_cleared_on_record(tmp_path):
    """Kill it with alarms of every source active; after two restarts the record and the list agree."""
    async with open_testbed(tmp_path, beds=("bed1", "bed2")) as here:
        await here.start()
        memory.unplug("bed2")
        here.gateway.alarms.alive("t-1")
        await asyncio.sleep(90)
        memory.unplug("bed1")
        await asyncio.sleep(30)
        assert {code for _, code in shown(here.gateway)} >= {"link_lost", "tablet_gone"}
        await die(here)
        for _ in range(2):
            async with restart(here) as made:
                await asyncio.sleep(10)
                active = shown(made)
                assert unpaired(here) == dict.fromkeys(active, 1)
                assert retained(here) == {code for _, code in active}
                await die(here)


@pytest.mark.requirement("ALM-16", "STP-03")
async def test_a_pump_that_flows_after_its_infusion_and_cannot_be_stopped_is_an_alarm_until_it_has_stopped(
    tmp_path, monkeypatch
):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await here.ask(op="stop", pump="bed1", reason="test")
        await here.until("stopped")
        await asyncio.sleep(10)
        with lost_stops(monkeypatch):
            here.pump.fire(Fault.parse("front-panel:start"))
            await asyncio.sleep(8)
            assert here.pump.truth()["running"]
            assert shown(here.gateway) == {("bed1", "stop_unconfirmed"), ("bed1", "unprescribed_flow")}
        await asyncio.sleep(8)
        assert not here.pump.truth()["running"]
        assert shown(here.gateway) == set()
        assert unpaired(here) == {}


def cut_off(here, entries):
    """The journal as a process leaves it that dies right after the last of these entries."""
    for file in here.journal.parent.glob(f"{here.journal.stem}.*"):
        file.unlink()
    with contextlib.closing(Journal(here.journal, "boot-1")) as journal:
        journal.append(
            [
                Entry(each.kind, each.fields, each.pump, each.session, each.mono_ns, datetime.fromisoformat(each.ts))
                for each in entries
            ]
        )


@pytest.mark.requirement("ALM-16", "PWR-02")
async def test_an_alarm_is_on_record_and_cleared_whichever_entry_was_the_last_before_a_death(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        memory.unplug("bed1")
        await asyncio.sleep(20)
        memory.plug("bed1")
        await here.until("tripped")  # the link waits up to 10 s before it opens the port again
        await asyncio.sleep(1)
        assert (await here.ask(op="clear", pump="bed1", by="n")).ok
        await die(here)
        here.gateway.journal._journal.close()
        entries = here.entries()
        about_alarms = [n for n, entry in enumerate(entries) if entry.kind in ("alarm_raised", "alarm_cleared")]
        assert len(about_alarms) >= 6
        for count in sorted({each for n in about_alarms for each in (n, n + 1)}):
            cut_off(here, entries[:count])
            async with restart(here) as made:
                await asyncio.sleep(10)
                active = shown(made)
                assert unpaired(here) == dict.fromkeys(active, 1), entries[count - 1]
                assert retained(here) == {code for _, code in active}, entries[count - 1]
                assert not Replay(here.entries()).differences
                await die(here)
            here.gateway.journal._journal.close()


@pytest.mark.requirement("ALM-16")
async def test_an_alarm_that_an_infusion_clears_and_its_pump_still_has_is_raised_on_record_again(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        memory.unplug("bed1")
        await here.until("stopping", "uncertain", within_s=60)
        await asyncio.sleep(10)
        assert ("bed1", "stop_unconfirmed") in shown(here.gateway)
        here.gateway.runners["bed1"].unprescribed._unconfirmed = frozenset({AlarmCode.STOP_UNCONFIRMED})
        memory.plug("bed1")
        await here.until("tripped")
        await asyncio.sleep(1)
        active = shown(here.gateway)
        assert ("bed1", "stop_unconfirmed") in active
        assert unpaired(here) == dict.fromkeys(active, 1)
        assert retained(here) == {code for _, code in active}


@pytest.mark.requirement("ALM-16")
async def test_the_alarms_of_a_pump_that_is_removed_from_the_configuration_are_cleared_on_record(tmp_path):
    async with open_testbed(tmp_path, beds=("bed1", "bed2")) as here:
        await here.start("bed2", patient="token-2")
        memory.unplug("bed2")
        await asyncio.sleep(30)
        assert ("bed2", "link_lost") in shown(here.gateway)
        await die(here)
        settings = here.gateway.settings
        here.gateway.settings = settings.model_copy(update={"pumps": settings.pumps[:1]})
        async with restart(here) as made:
            await asyncio.sleep(5)
            assert shown(made) == set()
            assert unpaired(here) == {}
            assert retained(here) == set()
