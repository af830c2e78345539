"""`pumpd program`: the program and its arithmetic, or every reason for refusal with exit status 2."""

import json
import shutil
from decimal import Decimal

import pytest
import typer
from typer.testing import CliRunner

from pumpd.cli.program import NOTICE, program
from pumpd.library.files import CHECKOUT

app = typer.Typer()
app.command("program")(program)

ORDER = {
    "--entry": "ketamine-1mg-ml",
    "--dose": "0.5 mg/kg",
    "--weight": "70 kg",
    "--weight-basis": "actual",
    "--duration": "40 min",
    "--container": "50 mL",
    "--driver": "new-era",
    "--library": str(CHECKOUT),
}


def run(*more, **changes):
    options = {**ORDER, **{f"--{name.replace('_', '-')}": text for name, text in changes.items()}}
    words = [word for name, text in options.items() if text is not None for word in (name, text)]
    return CliRunner().invoke(app, [*words, *more])


def refused(**changes):
    result = run("--json", **changes)
    assert result.exit_code == 2, result.output
    data = json.loads(result.stdout)
    assert set(data) == {"refused"}
    assert all(set(reason) == {"field", "reason"} and reason["reason"] for reason in data["refused"])
    return [reason["field"] for reason in data["refused"]]


def test_the_example_of_the_readme_is_also_there_as_json():
    result = run("--json")
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert data["dose_mg"] == "35"
    assert data["vtbi_ml"] == "35"
    assert data["steps"] == [{"rate_ml_h": "52.5", "volume_ml": "35"}]
    assert data["duration_s"] == "2400"
    assert data["warnings"] == []
    assert len(data["digest"]) == 64
    assert data["notice"] == NOTICE


def test_numbers_are_decimal_strings_and_never_floats():
    def no_float(text):
        raise AssertionError(f"{text} is a bare number")

    data = json.loads(run("--json", weight="81.3 kg").stdout, parse_float=no_float)
    without_plasma = json.dumps({key: value for key, value in data.items() if key != "plasma"})
    json.loads(without_plasma, parse_int=no_float)
    assert data["vtbi_ml"] == "40.65"
    assert data["steps"] == [{"rate_ml_h": "60.97", "volume_ml": "40.65"}]
    assert 2400 < Decimal(data["duration_s"]) < 2401


@pytest.mark.requirement("PRG-23")
def test_the_peak_in_plasma_is_shown_with_its_label():
    label = "estimated for an average adult, not measured"
    assert f"plasma     peak 177 to 253 ng/mL, {label}\n" in run().stdout
    plasma = json.loads(run("--json").stdout)["plasma"]
    assert (plasma["peak_low_ng_ml"], plasma["peak_high_ng_ml"], plasma["note"]) == (177, 253, label)
    assert plasma["minutes"] == list(range(161))


def test_a_person_can_check_the_arithmetic():
    result = run()
    assert result.exit_code == 0
    for line in (
        "0.5 mg/kg x 70 kg (actual weight) = 35 mg",
        "35 mg / 1 mg/mL = 35 mL",
        "35 mL / 40 min = 52.5 mL/h",
        "35 mL x 1 mg/mL = 35 mg",
        "35 mg / 70 kg = 0.5 mg/kg",
        "35 mL / 52.5 mL/h = 2400 s",
        "Not a cleared medical device: simulation, research and integration only.",
    ):
        assert line in result.stdout


def test_a_stepped_profile_shows_each_step():
    result = run(entry="ketamine-1mg-ml-gentle")
    assert "4.37 mL / 10 min = 26.22 mL/h" in result.stdout
    assert "30.63 mL / 30 min = 61.26 mL/h" in result.stdout
    assert len(json.loads(run("--json", entry="ketamine-1mg-ml-gentle").stdout)["steps"]) == 2


@pytest.mark.requirement("PRG-05", "PRG-06")
def test_soft_limits_only_warn_here():
    result = run("--json", duration="50 min")
    assert result.exit_code == 0
    (warning,) = json.loads(result.stdout)["warnings"]
    assert warning["id"] == "duration_high"
    assert warning["requirement"] == "PRG-06"
    assert "an order needs a reason" in run(duration="50 min").stdout
    assert 'overridden: "slower"' in run(duration="50 min", override="duration_high=slower").stdout


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"dose": "0.5 mg"}, ["dose"]),
        ({"dose": None}, ["dose"]),
        ({"dose": "1.01 mg/kg", "container": "60 mL", "entry": "ketamine-2mg-ml"}, ["dose"]),
        ({"weight": "70"}, ["weight"]),
        ({"weight_again": "77 kg"}, ["weight_again"]),
        ({"weight_basis": None}, ["weight_basis"]),
        ({"duration": "39 min"}, ["duration"]),
        ({"weight": "100 kg"}, ["container"]),
        ({"weight": "110 kg"}, ["container"]),
        ({"container": "100 mL bag"}, ["container"]),
        ({"container": "7 mL"}, ["container"]),
        ({"entry": "ketamine-100mg-ml"}, ["entry"]),
        ({"driver": "no-such"}, ["driver"]),
        ({"driver": None}, ["driver"]),
        ({"override": "because"}, ["override"]),
        ({"override": "dose_high=because"}, ["override"]),
        ({"driver": "no-such", "weight": "999 kg", "container": "7 mL"}, ["driver", "container", "weight", "dose"]),
        ({"dose": "x", "weight_basis": "x", "duration": "1 h 40"}, ["dose", "weight_basis", "duration"]),
    ],
)  # fmt: skip
def test_every_reason_for_refusal_is_given_with_exit_status_2(changes, fields):
    assert refused(**changes) == fields
    plain = run(**changes)
    assert plain.exit_code == 2
    assert plain.stdout == ""
    assert all(f"  {field}: " in plain.stderr for field in fields)


BAG = {
    "entry": "ketamine-0.35mg-ml-bag",
    "container": "100 mL bag to empty",
    "driver": "dianet-star",
}
INFUSOMAT = ("--setting", "model=infusomat-fms", "--setting", "rate_max_ml_h=999")


@pytest.mark.requirement("PRG-12", "PRG-13")
def test_case_22_a_bag_that_is_emptied_is_planned_on_a_volumetric_pump():
    """0.5 mg/kg at 70 kg are 35 mg; at 0.35 mg/mL 100 mL; in 40 min 150 mL/h."""
    data = json.loads(run("--json", *INFUSOMAT, **BAG).stdout)
    assert (data["dose_mg"], data["vtbi_ml"], data["duration_s"]) == ("35", "100", "2400")
    assert data["steps"] == [{"rate_ml_h": "150", "volume_ml": "100"}]
    assert data["pump"] is None
    shown = run(*INFUSOMAT, **BAG).stdout
    assert "100 mL bag to empty: 100 mL + 7 mL overfill - 5 mL dead = 102 mL usable" in shown
    assert "35 mg / 0.35 mg/mL = 100 mL" in shown


@pytest.mark.requirement("PRG-13")
def test_a_refusal_names_the_setting_that_would_allow_it():
    assert "for bags and bottles, set model to infusomat-fms" in run(**BAG).stderr
    too_fast = run("--setting", "model=infusomat-fms", **BAG)
    assert too_fast.exit_code == 2
    assert "150 mL/h is above the pump's highest rate 99.9 mL/h (its setting rate_max_ml_h)" in too_fast.stderr
    bag = {**BAG, "driver": "reglo-icc"}
    too_much = run("--setting", "volume_max_ml=99", **bag)
    assert "100 mL is more than the pump's largest volume 99 mL (its setting volume_max_ml)" in too_much.stderr
    assert run(**bag).exit_code == 0


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ("rate_max_mlh=999", "settings.rate_max_mlh: unknown setting (known: "),
        ("rate_max_ml_h=fast", "settings.rate_max_ml_h: must be a number"),
        ("rate_max_ml_h=9999", "settings.rate_max_ml_h: must be 1800 or less"),
        ("model=infusomat", "settings.model: must be 'perfusor-fm' or 'infusomat-fms'"),
        ("model", "no '=' in it"),
        ("=infusomat-fms", "no '=' in it"),
    ],
)
def test_a_bad_setting_is_the_family_s_own_error(setting, word):
    result = run("--setting", setting, "--json", driver="dianet-star")
    assert result.exit_code == 2
    (reason,) = json.loads(result.stdout)["refused"]
    assert reason["field"] == "setting"
    assert word in reason["reason"]


def test_a_setting_given_twice_is_refused():
    result = run("--setting", "model=perfusor-fm", "--setting", "model=infusomat-fms", "--json", driver="dianet-star")
    assert [reason["field"] for reason in json.loads(result.stdout)["refused"]] == ["setting"]


@pytest.fixture
def gateway(tmp_path):
    """A gateway's configuration with a pump named bag1, and another library than the shipped one."""
    library = tmp_path / "library"
    shutil.copytree(CHECKOUT, library)
    (library / "ketamine-2mg-ml.toml").unlink()
    path = tmp_path / "pumpd.toml"
    path.write_text(f"""
        gateway = "day-clinic"
        state_dir = "{tmp_path}"
        library_dir = "{library}"

        [[pump]]
        name = "bag1"
        driver = "dianet-star"
        port = "memory://bag1"
        serial = "22222"
        model = "Infusomat fmS"
        simulated = true
        [pump.settings]
        model = "infusomat-fms"
        rate_max_ml_h = 999
    """)
    return path


def configured(path, *more, pump="bag1", **changes):
    return run("--pump", pump, "--config", str(path), *more, **{**BAG, "driver": None, "library": None, **changes})


def test_a_pump_of_the_configuration_is_planned_as_it_will_be_ordered(gateway):
    result = configured(gateway)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Program for bag1, a dianet-star pump (Infusomat fmS)\n")
    data = json.loads(configured(gateway, "--json").stdout)
    assert (data["pump"], data["driver"]) == ("bag1", "dianet-star")
    assert data["steps"] == [{"rate_ml_h": "150", "volume_ml": "100"}]
    gone = configured(gateway, entry="ketamine-2mg-ml")
    assert "'ketamine-2mg-ml' is not in the library" in gone.stderr
    assert configured(gateway, entry="ketamine-2mg-ml", container="100 mL bag", library=str(CHECKOUT)).exit_code == 0


@pytest.mark.parametrize(
    ("change", "field", "word"),
    [
        ({"pump": "bag2"}, "pump", "'bag2' is not in"),
        ({"driver": "reglo-icc"}, "pump", "leave out --driver and --setting"),
        ({"more": ("--setting", "rate_max_ml_h=10")}, "pump", "leave out --driver and --setting"),
    ],
)
def test_a_pump_that_cannot_be_found_is_refused(gateway, change, field, word):
    more = change.pop("more", ())
    result = configured(gateway, "--json", *more, **change)
    assert result.exit_code == 2
    (reason,) = json.loads(result.stdout)["refused"]
    assert reason["field"] == field
    assert word in reason["reason"]


def test_a_configuration_that_cannot_be_used_is_named(gateway):
    missing = configured(gateway.with_name("none.toml"), "--json")
    assert [reason["field"] for reason in json.loads(missing.stdout)["refused"]] == ["config"]
    text = gateway.read_text()
    gateway.write_text(text.replace("rate_max_ml_h = 999", "rate_max = 999"))
    unknown = configured(gateway)
    assert unknown.exit_code == 2
    assert "setting: dianet-star: settings.rate_max: unknown setting" in unknown.stderr
    gateway.write_text(text.replace("simulated = true", "simulate = true"))
    assert "pump.0.simulate" in configured(gateway).stderr


def test_an_override_given_twice_is_refused():
    result = run("--override", "duration_high=one reason", "--override", "duration_high=another", duration="50 min")
    assert result.exit_code == 2


def test_a_missing_or_invalid_library_is_named(tmp_path):
    assert refused(library=str(tmp_path / "none")) == ["library"]
    (tmp_path / "containers.toml").write_text("x = 1")
    assert refused(library=str(tmp_path), weight="70") == ["library", "library", "weight"]


def test_all_options_missing_is_a_refusal_of_each():
    result = CliRunner().invoke(app, ["--json"])
    assert result.exit_code == 2
    named = [reason["field"] for reason in json.loads(result.stdout)["refused"]]
    assert named == ["entry", "dose", "weight", "weight_basis", "duration", "container", "driver"]


def test_text_from_outside_reaches_the_terminal_escaped():
    result = run(entry="\x1b[31mred", container="\x07")
    assert result.exit_code == 2
    assert "\x1b" not in result.output
    assert "\x07" not in result.output
