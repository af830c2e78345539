"""The page of driver quality: what a level needs, what is counted, and that a stale page is an error."""

import tomllib
from dataclasses import replace

import pytest

from benchmarks.fuzz import record, recorded, source_of
from pumpd.driving import Codec
from pumpd.pump import family
from tools import driver_quality
from tools.driver_quality import Evidence, Level, Trial, gather, main, own, page, unmarked, worked_frames

FUZZ = {"date": "2026-11-24", "packets": 1_000_000, "frames": 5, "checked": 3, "findings": 0}
BEST = Evidence(
    family="toy",
    models=("toy",),
    worked_frames=3,
    trials=(Trial("Toy", 40, {"test_a_stop_in_alarm": "it has no alarm"}),),
    dialogues=(2, 2),
    scenarios=3,
    fuzz=FUZZ,
    fuzz_is_current=True,
    pages=("driver", "simulator"),
    assumptions=("quiet_s",),
    marks=({"assumption": ["quiet_s"], "why": "it is ours"},),
    third_party=({"date": "2026-11-24", "what": "client", "name": "a client", "version": "1", "result": "it ran"},),
    lines={"driver": 200, "codec": 100, "rest": 0, "simulator": 300},
)


def test_all_the_evidence_is_platinum():
    assert BEST.level is Level.PLATINUM


@pytest.mark.parametrize(
    ("without", "level"),
    [
        ({"worked_frames": 0}, Level.NONE),
        ({"trials": ()}, Level.NONE),
        ({"trials": (Trial("Toy", 40, failed="stop: not confirmed"),)}, Level.NONE),
        ({"trials": (Trial("Toy"),)}, Level.BRONZE),
        ({"dialogues": (2, 0)}, Level.SILVER),
        ({"dialogues": (0, 2)}, Level.SILVER),
        ({"scenarios": 2}, Level.SILVER),
        ({"fuzz": {}, "fuzz_is_current": False}, Level.SILVER),
        ({"fuzz": {**FUZZ, "packets": 999_999}}, Level.SILVER),
        ({"fuzz": {**FUZZ, "findings": 1}}, Level.SILVER),
        ({"fuzz_is_current": False}, Level.SILVER),
        ({"pages": ("driver",)}, Level.SILVER),
        ({"unnamed": ("quiet_s",)}, Level.SILVER),
        ({"marks": ()}, Level.SILVER),
        ({"third_party": ()}, Level.GOLD),
        ({"third_party": (), "recordings": (0, 5)}, Level.GOLD),
        ({"third_party": (), "recordings": (1, 5)}, Level.PLATINUM),
    ],
)
def test_no_family_reaches_a_level_without_its_evidence(without, level):
    assert replace(BEST, **without).level is level


def test_the_page_lists_what_is_missing_and_what_is_excused():
    text = page([replace(BEST, scenarios=1)])
    assert "**Silver.**" in text
    assert "Missing for gold: scenarios (1 of 3)." in text
    assert "excused from `a_stop_in_alarm`: it has no alarm." in text
    assert "2026-11-24, client a client 1: it ran." in text


@pytest.mark.parametrize("name", own())
def test_each_assumption_has_an_option_of_the_simulator_that_gives_the_other_choice_or_a_reason(name):
    marks = tomllib.loads((driver_quality.ROOT / "tools" / "driver_marks.toml").read_text())[name]
    assert unmarked(name, [each.name for each in family(name).assumptions], marks) == []


@pytest.mark.parametrize(
    ("mark", "beginning"),
    [
        ({"assumption": ["digits"], "option": ["digits"]}, "for assumption quiet_s a simulator option or a reason"),
        ({"assumption": ["digits", "quiet_s"]}, "an option or a reason in "),
        ({"assumption": ["digits", "quiet_s", "x"], "why": "so"}, "an assumption x, which is marked"),
        ({"assumption": ["digits", "quiet_s"], "option": ["x"]}, "a simulator option x, which is marked"),
    ],
)
def test_untrue_marks_are_reported(mark, beginning):
    (problem,) = unmarked("harvard", ["digits", "quiet_s"], [mark])
    assert problem.startswith(beginning)


def test_what_a_sheet_leaves_open_is_on_the_page_with_assumption_and_option():
    mark = {"mark": "[U] the digits", "assumption": ["digits"], "option": ["reply_delay_s"], "why": "so it is"}
    assert "| [U] the digits | `digits` | `--reply-delay-s` | so it is |" in page([replace(BEST, marks=(mark,))])


def test_worked_frames_are_those_of_tables_that_are_written_again_byte_for_byte():
    codec = family("alaris-asena").codec
    table = """
SHEET = b'''!INF|4961
!INF_START|38F3
!INF_STOP|0000
'''.splitlines()
TWICE = [b"!INF|4961\\r", "21 49 4E 46 7C 34 39 36 31 0D"]

def test_not_in_a_table():
    assert b"!ALARM|50B2\\r"
"""
    assert worked_frames(codec, table) == 3  # two with a line's end to be put, and one with it
    assert worked_frames(codec, table.replace("38F3", "38F4")) == 2


def test_a_frame_that_is_understood_and_written_otherwise_is_not_counted():
    harvard = family("harvard").codec
    assert worked_frames(harvard, r'TABLE = [b"@poll on\r"]') == 1
    assert worked_frames(harvard, r'TABLE = [b"@poll on\r\n"]') == 0


def test_a_fuzz_figure_is_for_one_source_of_the_codec(tmp_path):
    file = tmp_path / "fuzzed.toml"
    new_era, harvard = family("new-era").codec, family("harvard").codec
    record("b", {"packets": 1, "codec": source_of(new_era)}, file)
    record("a", {"packets": 2, "codec": source_of(harvard)}, file)
    record("b", {"packets": 3, "codec": source_of(new_era)}, file)
    assert recorded(file) == {
        "a": {"packets": 2, "codec": source_of(harvard)},
        "b": {"packets": 3, "codec": source_of(new_era)},
    }
    assert source_of(new_era) != source_of(harvard)
    assert source_of(Codec(new_era.requests, new_era.replies)) == source_of(new_era)


def test_what_is_gathered_of_new_era():
    found = gather("new-era")
    assert found.worked_frames >= 15, "protocol sheet, Safe mode: 8 requests and 7 replies"
    (trial,) = found.trials
    assert trial.failed == ""
    assert trial.rules + len(trial.excused) >= 40
    assert all(found.dialogues)
    assert found.assumptions == tuple(each.name for each in family("new-era").assumptions)
    assert found.level >= Level.SILVER


def test_dialogues_put_together_from_recorded_pieces_are_no_recordings():
    found = gather("harvard")
    assert found.recordings == (0, 4), "harvard.txt names four dialogues `recorded:`, none with a driver's call"
    assert replace(found, third_party=()).level < Level.PLATINUM


def test_a_monitor_has_its_own_rules():
    found = gather("space-bcc")
    (trial,) = found.trials
    assert (trial.name, trial.excused, trial.failed) == ("SpaceBcc", {}, "")
    assert trial.rules >= 12
    assert found.level >= Level.SILVER


def test_a_stale_page_is_an_error(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(driver_quality, "own", lambda: ["space-bcc"])
    file = tmp_path / "page.md"
    assert main(["--check"], file) == 1
    assert "page.md is stale" in capsys.readouterr().err
    assert main([], file) == 0
    assert main(["--check"], file) == 0
    file.write_text(file.read_text().replace("silver", "gold", 1))
    assert main(["--check"], file) == 1
