"""Bad input is answered with what is wrong and why, starts nothing, and its attempt is in the journal."""

import asyncio
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from pumpd.control.process import evidence_against, gateway
from pumpd.journal import Journal, JournalError
from pumpd.journal.writer import InlineWriter
from pumpd.messages.requests import REQUEST
from pumpd.pump import Done, Identity, PumpState, Reading, UnknownFamilyError
from pumpd.quantities import Rate, Volume
from pumpd.settings import Settings, SettingsError
from pumpd.wire import now_ns
from pumpd_drivers.new_era.driver import NewEra
from tests.control.testbed import ORDER, Testbed, open_testbed
from tests.control.wire_tap import Tap
from tests.signed import library

GOOD = """
gateway = "ward-7"
state_dir = "state"

[[pump]]
name = "bed1"
driver = "new-era"
port = "memory://bed1"
serial = "ASSET-1"
model = "ne-1000"
simulated = true
"""
MISSPELT = GOOD.replace("state_dir", "statedir")

A_KEY = "MCowBQYDK2VwAyEA" + 43 * "a" + "="

PUMP = {
    "name": "bed1",
    "driver": "new-era",
    "port": "memory://bed1",
    "serial": "ASSET-1",
    "model": "ne-1000",
    "simulated": True,
}


def bodies(here: Testbed, kind: str) -> list[dict[str, object]]:
    return [json.loads(entry.body) for entry in here.entries() if entry.kind == kind]


async def settled_without_flow(here: Testbed, tap: Tap) -> None:
    """Allow a minute for any effect of wrongly accepted input to appear."""
    await asyncio.sleep(60)
    assert tap.count("RUN") == 0
    assert here.truth() == 0


# -- configuration -----------------------------------------------------------------------------------------------------


def load(folder: Path, text: str) -> Settings:
    file = folder / "pumpd.toml"
    file.write_text(text, encoding="utf-8")
    return Settings.load(file)


def test_the_good_configuration_of_these_tests_is_accepted(tmp_path):
    assert load(tmp_path, GOOD).pumps[0].name == "bed1"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD + 'mistyped = "x"\n', ["pumpd.toml:12: pump.0.mistyped", "not a known key"]),
        (MISSPELT, ["pumpd.toml:3: statedir", "do you mean state_dir?", "state_dir: is required"]),
        (GOOD.replace('serial = "ASSET-1"\n', ""), ["pump.0.serial", "required"]),
        (GOOD.replace('"bed1"\ndriver', '"Bed One"\ndriver'), ["pump.0.name", "pattern"]),
        (GOOD.replace("simulated = true", "simulated = maybe"), ["pumpd.toml:11: not valid TOML"]),
        (GOOD.replace("simulated = true", ""), ["bed1", "simulated = true", "hardware.enabled"]),
        (GOOD + "[hardware]\nenabled = true\nacknowledged = 'yes'\n", []),
        (GOOD.replace("simulated = true", "") + "[hardware]\nenabled = true\nacknowledged = 'yes'\n", ["acknowledged"]),
        (GOOD + "[simulation]\ntime_scale = 0\n", ["simulation.time_scale", "must be 1 or more"]),
        (GOOD + GOOD[GOOD.index("[[pump]]") :], ["two pumps have the same name"]),
        ("library_keys = { pharmacy = 'MCow' }\n" + GOOD, ["library_keys.pharmacy", "pattern"]),
        (f"library_keys = {{ pharmacy = '{A_KEY}' }}\n" + GOOD, ["care_area: is missing"]),
        ("care_area = 'Testbed 7'\n" + GOOD, ["care_area", "pattern"]),
        (
            f"care_area = 'day-clinic'\nlibrary_keys = {{ pharmacy = '{A_KEY}' }}\n"
            + GOOD
            + "[simulation]\nunsigned_library = true\n",
            ["simulation.unsigned_library", "library_keys are set"],
        ),
        (
            GOOD.replace("simulated = true", "")
            + "[hardware]\nenabled = true\nacknowledged = 'not a cleared medical device'\n"
            + "[simulation]\nunsigned_library = true\n",
            ["simulation.unsigned_library", "only for simulated pumps", "bed1"],
        ),
        (GOOD + "[mqtt]\nport = 99999\n", ["mqtt.host", "required", "mqtt.port", "65535"]),
    ],
)
def test_a_wrong_configuration_is_refused_and_names_every_key(tmp_path, text, named):
    if not named:
        assert load(tmp_path, text).hardware.enabled
        return
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    said = str(caught.value)
    assert "pumpd.toml" in said
    for part in named:
        assert part in said


def test_a_missing_configuration_names_the_file(tmp_path):
    with pytest.raises(SettingsError, match=r"nothing-here\.toml: cannot be read: there is no such file"):
        Settings.load(tmp_path / "nothing-here.toml")


def test_a_wrong_drop_in_is_named_too(tmp_path):
    folder = tmp_path / "pumpd.d"
    folder.mkdir()
    (folder / "10-local.toml").write_text("gateway =\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"10-local\.toml:1: not valid TOML"):
        load(tmp_path, GOOD)


@pytest.mark.parametrize(
    ("change", "kind", "named"),
    [
        ({"driver": "no-such-pump"}, UnknownFamilyError, ["no-such-pump", "new-era, poseidon, reference"]),
        ({"settings": {"addres": 1}}, ValueError, ["pump bed1", "settings.addres", "unknown setting", "address"]),
        ({"settings": {"address": 100}}, ValueError, ["pump bed1", "settings.address", "99"]),
    ],
)
async def test_an_unknown_driver_or_setting_prevents_the_start(tmp_path, change, kind, named):
    fields = {"gateway": "ward-7", "state_dir": tmp_path, "pump": [PUMP | change]}
    settings = Settings.model_validate(fields)
    writer = InlineWriter(Journal(settings.journal_path, "boot-1"))
    with pytest.raises(kind) as caught:
        async with gateway(settings, library(), writer):
            pytest.fail("the gateway started")
    for part in named:
        assert part in str(caught.value)
    await writer.close()


# -- ports and pumps ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "why"),
    [
        ("memory://nowhere", "no such port"),
        ("tcp://127.0.0.1", "a host and a port number are needed"),
        ("usb://1", "usb:// is not known"),
    ],
)
async def test_a_missing_port_is_named_and_its_pump_takes_no_order(tmp_path, port, why):
    async with open_testbed(tmp_path, port=port) as here:
        problem = here.gateway.status()["pumps"][0]["problem"]
        assert port in problem
        assert why in problem
        answer = await here.order()
        assert not answer.ok
        assert any("bed1 is not available" in reason and why in reason for reason in answer.reasons)
        assert bodies(here, "pump_unavailable")[0]["why"] == problem
        assert bodies(here, "order_refused")[0]["reasons"] == list(answer.reasons)
        assert (await here.ask(op="stop")).ok


async def test_a_port_in_use_is_named_and_the_pump_connects_once_it_is_free(tmp_path):
    other = {"driver": "harvard", "model": "LEGATO 100", "clamp": True, "port": "memory://bed1"}
    async with open_testbed(tmp_path, beds=("bed1", "bed2"), each={"bed2": other}) as here:
        problems = {pump["pump"]: pump["problem"] for pump in here.gateway.status()["pumps"]}
        assert problems["bed1"] == ""
        assert "memory://bed1" in problems["bed2"]
        assert "open for another kind of pump" in problems["bed2"]
        assert not (await here.order(pump="bed2")).ok
        assert (await here.order(pump="bed1")).ok


async def test_a_pump_of_another_model_is_named_and_takes_no_order(tmp_path):
    async with open_testbed(tmp_path, model="ne-1010") as here:
        problem = here.gateway.status()["pumps"][0]["problem"]
        assert "another pump on memory://bed1" in problem
        assert "ne-1010 is configured" in problem
        answer = await here.order()
        assert not answer.ok
        assert any("ne-1010 is configured" in reason for reason in answer.reasons)
        assert here.state() is None
        assert bodies(here, "pump_unavailable")[0]["why"] == problem


async def test_a_pump_that_does_not_answer_is_named_and_comes_back_when_it_does(tmp_path):
    async with open_testbed(tmp_path, faults=["silence/600s"]) as here:
        await asyncio.sleep(10)
        problem = here.gateway.status()["pumps"][0]["problem"]
        assert "no pump was identified on memory://bed1" in problem
        assert not (await here.order()).ok
        here.pump.clear("silence")
        await asyncio.sleep(30)
        assert here.gateway.status()["pumps"][0]["problem"] == ""
        assert (await here.order()).ok
        assert here.kinds().count("pump_unavailable") == 1  # reported once, however often it was tried
        assert "pump_ready" in here.kinds()


async def test_a_pump_that_is_switched_off_does_not_starve_the_watchdog(tmp_path):
    async with open_testbed(tmp_path, beds=("bed1", "bed2"), faults=["silence/3600s"]) as here:
        for _ in range(240):
            assert await evidence_against(here.gateway, here.gateway.journal) == ""
            await asyncio.sleep(0.5)


# -- orders ------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRG-03", "PRG-24")
@pytest.mark.parametrize("field", ["dose", "weight", "weight_again", "duration", "previous_weight"])
async def test_a_quantity_that_is_not_plain_is_refused_by_field_and_text(tmp_path, field):
    texts = ("", "70", "70 lb", "NaN kg", "-70 kg", "0 kg", "7e1 kg", "70,0 kg", "7_0 kg", "\u0667\u0660 kg")
    async with open_testbed(tmp_path) as here:
        for text in texts:
            answer = await here.order(**{field: text})
            assert not answer.ok
            assert any(reason.startswith(f"{field}: ") and repr(text) in reason for reason in answer.reasons), text
            assert here.state() is None
        await here.gateway.journal.append([])
        refused = [body["reasons"] for body in bodies(here, "order_refused")]
        assert refused == [list(answer.reasons) for answer in here.answers]


async def test_each_wrong_field_of_an_order_is_refused_with_its_reason(tmp_path):
    wrong = (
        ("entry", "ketamine-100mg-ml", "ketamine-1mg-ml"),
        ("entry", "", "entry"),
        ("dose", "1.01 mg/kg", "above the hard limit"),
        ("weight", "29 kg", "below the hard limit"),
        ("weight_again", "71 kg", "is not the 70 kg"),
        ("weight_basis", "guess", "actual or ideal or adjusted"),
        ("duration", "39 min", "below the hard limit"),
        ("container", "51 mL", "not in the library"),
        ("container", "100 mL bag", "diameter"),
        ("patient", "Jane Doe", "a patient token, never a name"),
        ("ordered_by", "", "ordered_by"),
    )
    async with open_testbed(tmp_path) as here:
        tap = Tap(here.pump)
        for field, text, named in wrong:
            again = {"weight_again": text} if field == "weight" else {}
            answer = await here.order(**{field: text}, **again)
            assert not answer.ok
            assert any(reason.startswith(field) and named in reason for reason in answer.reasons), answer.reasons
            assert here.state() is None
        await settled_without_flow(here, tap)
        await here.gateway.journal.append([])
        assert here.kinds().count("order_refused") == len(wrong)


async def test_an_order_is_refused_with_all_its_reasons_at_once(tmp_path):
    async with open_testbed(tmp_path, model="ne-1010") as here:
        answer = await here.order(
            dose="5 mg/kg",
            weight="500 kg",
            weight_again="50 kg",
            weight_basis="guess",
            duration="1 h 40",
            container="?",
        )
        text = "\n".join(answer.reasons)
        for part in ("pump: bed1 is not available", "dose: ", "weight: ", "weight_again: ", "weight_basis: "):
            assert part in text
        assert "duration: " in text
        assert "container: " in text
        assert bodies(here, "order_refused")[0]["reasons"] == list(answer.reasons)


async def test_an_unknown_container_does_not_hide_a_dose_that_is_too_high(tmp_path):
    async with open_testbed(tmp_path) as here:
        answer = await here.order(dose="2 mg/kg", container="51 mL")
        assert [reason.split(":")[0] for reason in answer.reasons] == ["container", "dose", "dose"]


async def test_a_container_that_the_pump_cannot_hold_does_not_hide_a_dose_that_is_too_high(tmp_path):
    async with open_testbed(tmp_path) as here:
        answer = await here.order(dose="2 mg/kg", container="100 mL bag")
        fields = [reason.split(":")[0] for reason in answer.reasons]
        assert "container" in fields
        assert "dose" in fields


async def test_an_order_for_a_pump_that_is_not_configured_names_those_that_are(tmp_path):
    async with open_testbed(tmp_path) as here:
        answer = await here.order(pump="bed9")
        assert answer.reasons == ("pump: 'bed9' is not configured; configured: bed1",)
        assert bodies(here, "order_refused")


@pytest.mark.requirement("PRG-05")
async def test_a_soft_limit_needs_a_reason_with_the_order(tmp_path):
    async with open_testbed(tmp_path) as here:
        high = {"dose": "0.8 mg/kg", "weight": "50 kg", "weight_again": "50 kg"}
        answer = await here.order(**high)
        assert not answer.ok
        assert any("dose_high" in reason and "give a reason" in reason for reason in answer.reasons)
        assert not (await here.order(**high, overrides={"dose_high": "x"})).ok
        assert not (await here.order(overrides={"dose_high": "no such limit was passed"})).ok
        assert (await here.order(**high, overrides={"dose_high": "trial arm B"})).ok


@pytest.mark.parametrize("field", [key for key in ORDER if key != "op"])
def test_a_field_that_is_missing_of_the_wrong_type_or_much_too_long_makes_no_order(field):
    for value in (None, 7, ["70 kg"], {"kg": 70}, "x" * 201):
        with pytest.raises(ValidationError, match=field):
            REQUEST.validate_python(ORDER | {field: value})
    with pytest.raises(ValidationError, match=field):
        REQUEST.validate_python({key: value for key, value in ORDER.items() if key != field})


@pytest.mark.requirement("STA-14")
async def test_two_orders_for_one_patient_at_the_same_time_give_one_infusion(tmp_path, monkeypatch):
    plain = InlineWriter.append

    async def slow(self, entries):
        await asyncio.sleep(0.5)  # the disk is busy, and another order arrives meanwhile
        await plain(self, entries)

    async with open_testbed(tmp_path, beds=("bed1", "bed2")) as here:
        monkeypatch.setattr(InlineWriter, "append", slow)
        answers = await asyncio.gather(here.order(), here.order(pump="bed2"))
        assert sorted(answer.ok for answer in answers) == [False, True]
        refused = answers.index(next(answer for answer in answers if not answer.ok))
        assert "patient" in answers[refused].reasons[0]
        assert here.state(f"bed{refused + 1}") is None


# -- the journal -------------------------------------------------------------------------------------------------------


def broken(monkeypatch, *kinds: str) -> None:
    """From now on the journal cannot be written at all, or not for entries of these kinds."""
    append = Journal.append

    def fail(self, entries, now=None):
        if not kinds or any(entry.kind in kinds for entry in entries):
            raise JournalError(f"journal {self.path} cannot be written: database or disk is full")
        return append(self, entries, now)

    monkeypatch.setattr(Journal, "append", fail)


async def test_an_order_that_cannot_be_written_to_the_journal_is_refused(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        async with open_testbed(tmp_path) as here:
            broken(patched)
            for _ in range(2):
                answer = await here.order()
                assert not answer.ok
                assert any("journal" in reason and "disk is full" in reason for reason in answer.reasons)
            assert here.state() is None
            assert here.gateway.status()["journal"] != "ok"
            patched.undo()


async def test_nothing_starts_when_the_intent_cannot_be_written(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        tap = Tap(here.pump)
        assert (await here.order()).ok
        await here.until("ready")
        with monkeypatch.context() as patched:
            broken(patched, "intent_start")
            await here.confirm()
            await asyncio.sleep(30)
        assert tap.count("RUN") == 0
        assert here.truth() == 0
        assert here.state() == "tripped"
        assert "intent_start" not in here.kinds()


async def test_no_confirmation_is_accepted_once_the_journal_failed(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        tap = Tap(here.pump)
        assert (await here.order()).ok
        await here.until("ready")
        binding = await here.binding()
        with monkeypatch.context() as patched:
            broken(patched)
            await here.ask(op="clear", pump="bed1")  # for any entry
            answer = await here.confirm(binding)
        assert not answer.ok
        assert any("journal" in reason and "disk is full" in reason for reason in answer.reasons)
        await settled_without_flow(here, tap)


async def test_a_running_infusion_stops_when_the_journal_cannot_be_written(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60)
        with monkeypatch.context() as patched:
            broken(patched)
            await asyncio.sleep(1.2)  # the next reading cannot be written
            assert not here.pump.truth()["running"]
            given = here.truth()
            await asyncio.sleep(30)
            infusion = here.gateway.runners["bed1"].infusion
            assert infusion is not None
            assert infusion.state == "tripped"
            assert [code.value for code in infusion.trips] == ["journal_failed"]
            assert here.truth() == given


# -- pumpd's own faults ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken_call", ["read", "_state_machine"])
async def test_a_defect_of_pumpd_ends_in_a_stop(tmp_path, monkeypatch, broken_call):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60)
        runner = here.gateway.runners["bed1"]

        def defect(*_):
            raise ZeroDivisionError("a defect")

        with monkeypatch.context() as patched:
            if broken_call == "read":
                patched.setattr(type(runner.driver), "read", defect)
            else:
                patched.setattr("pumpd.control.infusions.pump_infusion.advance", defect)
            await asyncio.sleep(3)
            assert not here.pump.truth()["running"]
        await here.until("stopped", "tripped", within_s=30)
        given = here.truth()
        await asyncio.sleep(120)
        assert here.truth() == given
        assert "internal_error" in here.kinds()
        assert here.gateway.status()["pumps"][0]["problem"] == ""


@pytest.mark.parametrize("phase", [0.0, 0.005, 0.01, 0.02, 0.03, 0.5])
async def test_ending_the_process_stops_the_pump_even_with_a_poll_in_flight(tmp_path, monkeypatch, phase):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60 + phase)
        tap, pump = Tap(here.pump), here.pump
        monkeypatch.setattr(pump, "shut", lambda: None)
    assert tap.count("STP") >= 1
    assert not pump.truth()["running"]
    monkeypatch.undo()
    pump.shut()


# -- a pump that reports its serial number -----------------------------------------------------------------------------


class Serialled:
    """A driver whose pump reports a serial number, which the New Era family does not."""

    connections = 1

    def __init__(self, serial: str) -> None:
        self.serial = serial
        self.taps: list[object] = []
        self.calls: list[str] = []

    async def read(self):
        self.calls.append("read")
        return Done(Reading(now_ns(), now_ns(), PumpState.STOPPED, Rate(0), Volume(0)))

    async def identify(self):
        self.calls.append("identify")
        return Done(Identity("ne-1000", "3.92", self.serial))

    async def close(self):
        self.calls.append("close")


@pytest.mark.parametrize(
    ("serial", "problem"), [("ASSET-bed1", ""), ("ASSET-bed2", "serial ASSET-bed2 where ASSET-bed1")]
)
async def test_a_pump_with_another_serial_is_not_used(tmp_path, monkeypatch, serial, problem):
    driver = Serialled(serial)

    async def connect(port, settings):
        return driver

    monkeypatch.setattr(NewEra, "connect", connect)
    async with open_testbed(tmp_path) as here:
        await asyncio.sleep(2)
        assert problem in here.gateway.runners["bed1"].problem
        assert bool(here.gateway.runners["bed1"].problem) is bool(problem)
        if problem:
            refused = await here.order()
            assert not refused.ok
            assert problem in " ".join(refused.reasons)
            assert "order_refused" in here.kinds()
            assert set(driver.calls) == {"identify", "close"}  # it may infuse another patient: leave it alone
