"""`pumpd program`: the program and its arithmetic, or every reason for refusal with exit status 2."""

import json
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
