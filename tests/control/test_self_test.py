"""STA-09: what a session relies on is tried before an order is accepted. Any failure refuses it; nothing hangs."""

import asyncio

import pytest

from pumpd.journal import JournalError
from pumpd.pump import Done, Unknown
from pumpd.wire.guard import GuardError
from tests.control.testbed import open_testbed
from tests.control.wire_tap import Tap


def results(found):
    return {each["what"]: each["state"] for each in found["results"]}


def pump_of(here):
    return here.gateway.status()["pumps"][0]


async def refused(here, *words):
    """The order is refused with these words, loads nothing, and leaves no infusion."""
    tap, begun = Tap(here.pump), asyncio.get_running_loop().time()
    answer = await here.order()
    assert asyncio.get_running_loop().time() - begun <= 4.0
    assert not answer.ok
    for word in words:
        assert any(word in reason for reason in answer.reasons), answer.reasons
    assert here.gateway.runners["bed1"].infusion is None
    assert not [each for each in tap.commands if each.startswith(("VOL0", "RAT ", "PHN", "DIA "))]
    assert "order_accepted" not in here.kinds()
    return answer.reasons


@pytest.mark.requirement("STA-09")
async def test_an_order_tests_everything_first_and_shows_the_result(tmp_path):
    output = tmp_path / "brightness"
    output.write_text("0")
    async with open_testbed(tmp_path, top={"alarm": {"output": output}}) as here:
        assert pump_of(here)["self_test"] is None
        tap = Tap(here.pump)
        assert (await here.order()).ok
        assert tap.count("STP") == 1
        assert "RUN" not in tap.commands
        found = pump_of(here)["self_test"]
        absent = {
            "watchdog": "absent",
            "hardware_watchdog": "absent",
            "deadman": "absent",
            "stop_button": "absent",
        }  # a port in memory
        passed = {"speaker": "passed", "clock": "passed", "disk": "passed", "stop_path": "passed"}
        assert results(found) == passed | absent
        assert found["passed"]
        kinds = here.kinds()
        assert kinds.index("self_test_begun") < kinds.index("self_test") < kinds.index("order_accepted")
        entry = next(entry for entry in here.entries() if entry.kind == "self_test")
        assert entry.fields["results"] == found["results"]
        assert output.read_text() == "0"  # as it was
        await here.until("ready")
        await here.confirm()
        await here.until("running")


@pytest.mark.requirement("STA-09")
async def test_each_thing_that_fails_refuses_the_order_and_all_of_them_are_named(tmp_path, monkeypatch):
    top = {"alarm": {"output": tmp_path / "none" / "brightness"}}
    async with open_testbed(tmp_path, top=top) as here:
        runner, append = here.gateway.runners["bed1"], type(here.gateway.journal).append
        monkeypatch.setenv("WATCHDOG_USEC", "10000000")
        await asyncio.sleep(60)  # and nothing was sent to systemd

        async def deadman():
            raise GuardError("the deadman does not start")

        async def stop():
            return Unknown("no answer")

        async def slow(self, entries):
            if any(entry.kind == "self_test_begun" for entry in entries):
                await asyncio.sleep(3600)
            await append(self, entries)

        monkeypatch.setattr(runner, "test_deadman", deadman)
        monkeypatch.setattr(runner.driver, "stop", stop)
        monkeypatch.setattr(type(here.gateway.journal), "append", slow)
        reasons = await refused(here, "brightness", "on disk", "sign of life", "does not start", "no answer")
        assert len(reasons) == 5
        assert all(reason.startswith("self-test: ") for reason in reasons)
        found = pump_of(here)["self_test"]
        assert sorted(what for what, state in results(found).items() if state == "failed") == [
            *("deadman", "disk", "speaker", "stop_path", "watchdog"),
        ]
        assert not found["passed"]


@pytest.mark.requirement("STA-09")
async def test_a_watchdog_that_is_fed_in_time_passes(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        monkeypatch.setenv("WATCHDOG_USEC", "10000000")
        await asyncio.sleep(60)
        here.gateway.self_test.watchdog_fed()
        await asyncio.sleep(9)
        assert (await here.order()).ok
        assert results(pump_of(here)["self_test"])["watchdog"] == "passed"


@pytest.mark.requirement("STA-09")
async def test_the_clock_that_the_start_gate_objects_to_fails_the_test(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        monkeypatch.setattr(here.gateway.gate, "clock_objections", lambda _pump: ["clock: not synchronized"])
        found = (await here.ask(op="self_test", pump="bed1")).result
        assert results(found)["clock"] == "failed"
        monkeypatch.undo()
        now = here.gateway.clock.loop_ns()
        monkeypatch.setattr(here.gateway.clock, "loop_ns", lambda: now)
        found = (await here.ask(op="self_test", pump="bed1")).result
        assert results(found)["clock"] == "failed"


@pytest.mark.requirement("STA-09")
@pytest.mark.parametrize("hangs", ["stop", "disk", "both"])
async def test_a_test_that_hangs_is_a_failed_one_in_time(tmp_path, monkeypatch, hangs):
    async with open_testbed(tmp_path) as here:
        driver, append = here.gateway.runners["bed1"].driver, type(here.gateway.journal).append
        ended = asyncio.Event()

        async def never():
            await ended.wait()
            return Done(None)

        async def slow(self, entries):
            if any(entry.kind == "self_test_begun" for entry in entries):
                await ended.wait()
            await append(self, entries)

        with monkeypatch.context() as patched:
            if hangs != "disk":
                patched.setattr(driver, "stop", never)
            if hangs != "stop":
                patched.setattr(type(here.gateway.journal), "append", slow)
            await refused(here, "self-test")
        ended.set()
        await asyncio.sleep(1)
        await here.start()  # it works again


@pytest.mark.requirement("STA-09")
async def test_a_failing_disk_is_a_failed_test(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        append = type(here.gateway.journal).append

        async def failing(self, entries):
            if any(entry.kind == "self_test_begun" for entry in entries):
                raise JournalError("no space left")
            await append(self, entries)

        monkeypatch.setattr(type(here.gateway.journal), "append", failing)
        await refused(here, "no space left")


@pytest.mark.requirement("STA-09")
async def test_a_pump_with_an_infusion_is_not_tested_and_sent_nothing(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        tap = Tap(here.pump)
        answer = await here.ask(op="self_test", pump="bed1")
        assert not answer.ok
        assert not (await here.order()).ok
        await asyncio.sleep(5)
        assert tap.count("STP") == 0
        assert here.state() == "running"


@pytest.mark.requirement("STA-09")
async def test_a_pump_that_a_person_started_at_its_keys_is_not_stopped_by_a_test(tmp_path):
    async with open_testbed(tmp_path) as here:
        here.pump.press("rate", "60")
        here.pump.press("start")
        tap = Tap(here.pump)
        await refused(here, "stop it first")
        assert tap.count("STP") == 0


@pytest.mark.requirement("STA-09", "COM-15")
async def test_a_pump_that_nobody_has_identified_is_sent_nothing(tmp_path):
    async with open_testbed(tmp_path, beds=("bed1", "bed2"), addressed=False) as here:
        tap = Tap(here.pump)
        found = (await here.ask(op="self_test", pump="bed1")).result
        assert results(found)["stop_path"] == "failed"
        assert tap.count("STP") == 0


@pytest.mark.requirement("STA-09")
async def test_on_demand_it_runs_the_same_tests_and_orders_nothing(tmp_path):
    async with open_testbed(tmp_path) as here:
        found = (await here.ask(op="self_test", pump="bed1", by="engineer")).result
        assert found == pump_of(here)["self_test"]
        assert found["passed"]
        assert here.state() is None
        entry = next(entry for entry in here.entries() if entry.kind == "self_test")
        assert entry.fields["by"] == "engineer, test"
        await here.start()


@pytest.mark.requirement("STA-09", "STP-01")
async def test_a_persons_stop_during_the_test_is_sent_at_once_and_the_next_order_works(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = Tap(here.pump)
        testing = asyncio.create_task(here.ask(op="self_test", pump="bed1"))
        await asyncio.sleep(0.01)
        assert (await here.ask(op="stop", pump="bed1", by="nurse", reason="x")).ok
        await testing
        await asyncio.sleep(1)
        assert tap.count("STP") >= 1
        await here.start()
        assert here.state() == "running"
