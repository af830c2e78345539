"""Pumps with several units on the bench, and how families and benches are found, built and refused."""

import asyncio

import pytest

from pumpd_simulators import family as families_room
from pumpd_simulators.bench import simulate
from pumpd_simulators.bench_file import BenchFile, BenchFileError
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.device import PanelError
from pumpd_simulators.family import BrokenFamilyError, UnknownFamilyError, families, family
from pumpd_simulators.faults import Kind
from pumpd_simulators.main import COMMON
from pumpd_simulators.plant import PlantSettings
from tests.conftest import ROOT


@pytest.fixture
async def rack():
    """Two pumps in one rack, started at their panels."""
    made = []

    def make(**options):
        pump = simulate("space-bcc", options={"slots": "11,12"}, **{"plant": PlantSettings.ideal(), **options})
        made.append(pump)
        return pump

    yield make
    for pump in made:
        pump.shut()


def start(pump, unit, rate):
    pump.press("rate", rate, unit)
    pump.press("start", None, unit)


async def test_each_unit_has_its_own_plant_truth_and_keys(rack):
    pump = rack()
    start(pump, 2, "60")
    await asyncio.sleep(60)
    assert [pump.truth(unit)["delivered_ml"] for unit in (1, 2)] == [0, pytest.approx(1)]
    assert [pump.truth(unit)["infusion_time_s"] for unit in (1, 2)] == [None, pytest.approx(60)]
    assert [pump.truth(unit)["unit"] for unit in (1, 2)] == [1, 2]
    assert pump.truth(2)["units"] == 2
    assert pump.truth(2)["display"]["rate_ml_h"] == "60.00"


async def test_a_fault_strikes_its_own_unit_at_its_own_infusion_time(rack):
    pump = rack(faults=["occlusion#2@1min/30s", "stall@1min"])
    start(pump, 2, "60")
    await asyncio.sleep(59)
    assert pump.truth(2)["faults"] == []
    assert pump.truth(1)["waiting_faults"] == ["stall@60s"]
    assert pump.truth(2)["waiting_faults"] == ["occlusion#2@60s/30s"]
    start(pump, 1, "60")
    await asyncio.sleep(2)
    assert [pump.truth(unit)["faults"] for unit in (1, 2)] == [[], ["occlusion"]]
    await asyncio.sleep(30)
    assert [pump.truth(unit)["faults"] for unit in (1, 2)] == [[], []]
    await asyncio.sleep(30)
    assert [pump.truth(unit)["faults"] for unit in (1, 2)] == [["stall"], []]
    pump.clear(Kind.STALL, 2)
    assert pump.truth(1)["faults"] == ["stall"], "another unit's"
    pump.clear(Kind.STALL, 1)
    assert pump.truth(1)["faults"] == []


async def test_units_differ_by_their_seeds_and_repeat_by_the_pumps(rack):
    async def delivered(seed):
        pump = rack(seed=seed, plant=None)
        start(pump, 1, "60")
        start(pump, 2, "60")
        await asyncio.sleep(600)
        return [pump.truth(unit)["delivered_ml"] for unit in (1, 2)]

    first, other = await delivered(3), await delivered(4)
    assert first[0] != first[1]
    assert first[0] not in other
    assert await delivered(3) == pytest.approx(first)


@pytest.mark.parametrize("unit", [0, 3, -1])
async def test_a_missing_unit_is_refused_everywhere(rack, unit):
    pump = rack()
    for ask in (
        lambda: pump.truth(unit),
        lambda: pump.press("stop", None, unit),
        lambda: pump.clear(Kind.DOOR, unit),
    ):
        with pytest.raises(PanelError, match=rf"there is no unit {unit}: Space has 2"):
            ask()


async def test_a_fault_for_a_missing_unit_is_refused_at_once(rack):
    with pytest.raises(PanelError, match="there is no unit 3: Space has 2"):
        rack(faults=["door#3@1min"])


# -- families ------------------------------------------------------------------------------------------------------


def test_an_unknown_family_is_refused_with_the_known_ones():
    with pytest.raises(UnknownFamilyError, match=r"'plum'.*new-era"):
        family("plum")


def test_a_family_that_does_not_load_gives_its_reason(monkeypatch):
    class Point:
        name, value = "broken", "nowhere:FAMILY"

        def load(self):
            raise ImportError("no module named nowhere")

    monkeypatch.setattr(families_room, "families", lambda: {"broken": Point()})
    with pytest.raises(BrokenFamilyError, match=r"broken does not load: ImportError: no module named nowhere"):
        family("broken")
    monkeypatch.setattr(Point, "load", lambda _: object())
    with pytest.raises(BrokenFamilyError, match="nowhere:FAMILY is not a Family"):
        family("broken")


def test_every_family_has_models_and_described_options_that_differ_from_those_of_pumpsim():
    common = {option.name for option in COMMON} | {"model", "help"}
    for name in families():
        found = family(name)
        assert found.name == name
        assert len(found.models) == len(set(found.models)) > 0
        fields = found.options.model_fields
        assert not common & set(fields), f"{name}: hidden by options that every family has"
        for option, field in fields.items():
            assert field.description, f"{name}: {option} has no description"
        found.options()  # each has a default


# The names of options that were renamed so that one option has one name in all families.
RENAMED = {
    "alaris-asena": {"rate_step": "0.1", "knows_cfg": "false", "held_rate": "set"},
    "dianet-star": {"software": "X", "vtbd_max_ml": "500"},
    "fresenius-base-a": {"modules": "2", "device_type": "X", "highest_rate_ml_h": "500", "highest_limit_ml": "500"},
    "harvard": {"largest_target_ml": "500"},
    "new-era": {"network": "1,2", "knows_power_fail": "false"},
    "reglo-icc": {
        "address": "2",
        "description": "X",
        "max_flow_ml_min": "10",
        "min_flow_ml_min": "1",
        "max_volume_ml": "500",
    },
    "space-bcc": {"slots": "12", "pump_model": "X", "version": "X"},
}


@pytest.mark.parametrize(("name", "old"), RENAMED.items())
def test_the_old_names_of_options_are_accepted(name, old):
    model = family(name).options
    new = {model.aliases[option]: value for option, value in old.items()}
    assert model.of(old) == model.of(new) != model()
    assert not set(old) & set(model.model_fields)
    with pytest.raises(ValueError, match="give one of them"):
        model.of({**dict(list(old.items())[:1]), **new})


def test_an_option_that_several_families_have_has_one_name_and_one_type_of_value():
    everywhere = {name: set(family(name).options.model_fields) for name in RENAMED}
    for option, having in {
        "addresses": {"fresenius-base-a", "harvard", "new-era", "reglo-icc", "space-bcc"},
        "serial": {"alaris-asena", "dianet-star", "harvard", "reglo-icc"},
        "firmware": {"alaris-asena", "dianet-star", "harvard", "reglo-icc", "space-bcc"},
        "reported_model": {"fresenius-base-a", "reglo-icc", "space-bcc"},
        "rate_max_ml_h": {"alaris-asena", "dianet-star", "fresenius-base-a"},
        "vtbi_max_ml": {"alaris-asena", "dianet-star", "fresenius-base-a", "harvard", "reglo-icc"},
        "rate_at_rest": {"alaris-asena", "dianet-star", "space-bcc"},
    }.items():
        assert {name for name, options in everywhere.items() if option in options} == having, option
    for name in ("fresenius-base-a", "new-era"):
        one = family(name).options
        assert one.of({"addresses": 2}).addresses == one.of({"addresses": "2"}).addresses == (2,)
    assert family("space-bcc").options.of({"addresses": 12}).addresses == ("12",)


async def test_a_typing_error_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="diametre_mm: there is no such option, did you mean diameter_mm"):
        simulate("new-era", options={"diametre-mm": 20})
    with pytest.raises(ValueError, match="'new-er' is not simulated, did you mean new-era"):
        simulate("new-er")
    with pytest.raises(ValueError, match=r"did you mean .*ne-1000"):
        simulate("new-era", model="ne-100")


async def test_wrong_options_are_refused_with_every_field_and_reason():
    with pytest.raises(ValueError, match=r"addresses.0: .*integer") as refused:
        simulate("new-era", options={"address": "x" * 3, "diametre": 3})
    assert "diametre" in str(refused.value)


# -- a bench of several --------------------------------------------------------------------------------------------


def test_the_example_bench_can_be_read_and_made():
    bench = BenchFile.read(ROOT / "config" / "bench.toml")
    assert [pump.name for pump in bench.pump] == ["bed-1", "bed-2", "rack"]


async def test_the_pumps_of_the_example_bench_can_be_made_on_one_clock():
    bench, clock = BenchFile.read(ROOT / "config" / "bench.toml"), LoopClock()
    pumps = [
        simulate(each.family, model=each.model, options=each.options, faults=each.faults, clock=clock)
        for each in bench.pump
    ]
    assert {pump.clock for pump in pumps} == {clock}
    for pump in pumps:
        pump.shut()


GOOD = '[[pump]]\nname = "a"\nfamily = "new-era"\npty = "/tmp/a"\n'


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", r"pump: Field required"),
        ("pump = []", r"pump: .*at least 1"),
        ("pump = 1 2", "not valid TOML"),
        (GOOD + "tcp = '1:2'", "pump.0: give either pty or tcp"),
        (GOOD.replace("pty", "bus"), r"pump.0.bus: "),
        (GOOD.replace('pty = "/tmp/a"', 'tcp = "nowhere"'), "pump.0.tcp: 'nowhere' is not HOST:PORT"),
        (GOOD.replace('"a"', '"a/b"'), "pump.0.name: "),
        (GOOD + "faults = ['fire']", r"pump.0.faults.0: .*'fire'.*occlusion"),
        (GOOD + GOOD, "a name of its own; given twice: a; each pump needs a port of its own; given twice: /tmp/a"),
        (GOOD + GOOD.replace('"a"', '"b"'), "a port of its own; given twice: /tmp/a"),
        ("speed = 0\n" + GOOD, "speed: "),
        ("control = 'x'\n" + GOOD, "control: 'x' is not HOST:PORT"),
        ("speed = 0\nseed = 'x'\n" + GOOD, "speed: .*; seed: "),
    ],
)
def test_a_wrong_bench_file_is_refused_with_its_fields_and_reasons(tmp_path, text, names):
    path = tmp_path / "bench.toml"
    path.write_text(text)
    with pytest.raises(BenchFileError, match=names) as refused:
        BenchFile.read(path)
    assert str(refused.value).startswith(f"{path}: ")
