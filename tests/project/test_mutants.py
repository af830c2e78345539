"""The tool behind `make mutants`: which mutants it makes, and that what it lists as equivalent still exists."""

import ast
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tools.mutants import recorded
from tools.mutants.__main__ import all_of, equivalents
from tools.mutants.forks import Ended, Limit, forked
from tools.mutants.operators import enums_of, mutants
from tools.mutants.recorded import Recorded, Seen
from tools.mutants.running import outermost
from tools.mutants.score import Stratum, drawn, overall, wilson
from tools.mutants.targets import ROOT, TARGETS

SOURCE = '''
from enum import Enum

class State(Enum):
    ON = 1
    OFF = 2

LIMIT: int = 60

class Part:
    """What it is."""
    field: bool = False

    def check(self, value, at=0):
        """Why."""
        if value < self.low or not value:
            raise ValueError(f"no {value + 1}")
        self.state = State.ON
        total = sum((value, at), start=0)
        note(total, text("id", "{n}", n=1))
        return max(total, at + 1)
'''


def made():
    return mutants("part.py", SOURCE, {"State": ("ON", "OFF")})


@pytest.mark.parametrize(
    ("operator", "before", "after"),
    [
        ("DEFAULT", "60", "61"),
        ("DEFAULT", "False", "True"),
        ("DEFAULT", "0", "1"),
        ("COND", "value < self.low or not value", "False"),
        ("DROPTERM", "value < self.low or not value", "(value < self.low)"),
        ("BOOL", "value < self.low or not value", "(value < self.low and (not value))"),
        ("CMP", "value < self.low", "(value <= self.low)"),
        ("DROPRAISE", 'raise ValueError(f"no {value + 1}")', "pass"),
        ("ENUM", "State.ON", "State.OFF"),
        ("DROPKW", "sum((value, at), start=0)", "(sum((value, at)))"),
        ("CALL", "max(total, at + 1)", "(min(total, at + 1))"),
        ("ARITH", "at + 1", "(at - 1)"),
        ("CONST1", "1", "(2)"),
        ("DELSTMT", 'note(total, text("id", "{n}", n=1))', "pass"),
    ],
)
def test_each_operator_makes_its_mutant(operator, before, after):
    assert any((each.operator, each.before, each.after) == (operator, before, after) for each in made())


def test_each_mutant_is_another_program_with_one_change_and_an_id_of_its_own():
    found = made()
    assert len({each.id for each in found}) == len(found) > 20
    whole = ast.dump(ast.parse(SOURCE))
    for each in found:
        assert ast.dump(ast.parse(each.source)) != whole, each
        assert each.source.count("\n") <= SOURCE.count("\n")


def test_messages_docstrings_and_the_parts_of_a_text_are_left_alone():
    for each in made():
        assert '"id"' not in each.before or each.operator == "DELSTMT"
        assert "value + 1" not in each.before or each.operator == "DROPRAISE"
        assert "What it is." in each.source
        assert '"""Why."""' in each.source


def test_a_mutant_knows_the_function_whose_code_it_changes():
    codes = [code.co_qualname for code in outermost(compile(SOURCE, "part.py", "exec"))]
    assert codes == ["Part.check"]
    for each in made():
        inside = each.where == "Part.check" and each.operator != "DEFAULT"
        assert each.function == (0 if inside else None), each


def test_each_target_has_files_and_tests_and_each_codec_is_one():
    for target in TARGETS:
        assert list(target.paths())
        assert target.tests
        for test in (*target.edges, *target.tests):
            if not target.name.startswith("codec"):
                assert (ROOT / test).exists(), test
    codecs = {path.parent.name for path in ROOT.glob("drivers/pumpd_drivers/*/codec.py")}
    assert {target.name.removeprefix("codec of ") for target in TARGETS if target.name.startswith("codec")} == codecs


def test_every_mutant_that_is_listed_as_equivalent_still_exists_and_has_a_reason():
    named = {ROOT / key.partition(" ")[0] for key in equivalents()}
    about = [target for target in TARGETS if named & set(target.paths())]
    assert set(equivalents()) <= {each.key for target in about for each in all_of(target)}
    assert all(len(reason) > 40 for reason in equivalents().values())


def test_the_members_of_an_enumeration_are_found_in_the_sources():
    found = enums_of([ROOT / "pumpd" / "pump" / "reading.py"])
    assert found["PumpState"][:2] == ("STOPPED", "PAUSED")


# -- the sample and the score ------------------------------------------------------------------------------------------


def test_a_sample_is_drawn_from_each_target_in_proportion_and_at_least_ten():
    sizes = {"large": 8000, "middle": 2000, "small": 30, "tiny": 4}
    pools = {name: [f"{name} {number}" for number in range(size)] for name, size in sizes.items()}

    def sample(n, seed):
        return drawn(pools, n, seed, name=str)

    found = sample(500, 1)
    counts = Counter(each.split()[0] for each in found)
    assert counts == {"large": 399, "middle": 100, "small": 10, "tiny": 4}  # 500 x 8000 / 10034, ...
    assert len(set(found)) == len(found)
    assert found == sample(500, 1) != sample(500, 2)
    assert {each.split()[0] for each in found[:50]} >= {"large", "middle"}, "not in random order"
    assert len(sample(None, 1)) == 10034
    assert len(sample(3, 1)) == 3
    pools["large"].remove(found[0] if found[0] in pools["large"] else "large 0")  # listed as equivalent since
    assert len(set(found) & set(sample(500, 1))) >= len(found) - 2


@pytest.mark.parametrize(
    ("share", "n", "low", "high"),
    [  # the interval's formula by hand, with z = 1.96
        (1.0, 100, 0.9630, 1.0),
        (0.5, 100, 0.4038, 0.5962),
        (0.98, 300, 0.9571, 0.9908),
    ],
)
def test_the_interval_of_a_share(share, n, low, high):
    assert wilson(share, n) == pytest.approx((low, high), abs=0.0001)


def test_each_target_weighs_as_many_as_it_has_mutants():
    share, low, high = overall([Stratum(900, tried=10, noticed=10), Stratum(100, tried=10, noticed=5)])
    assert share == pytest.approx(0.95)
    assert (low, high) == pytest.approx(wilson(0.95, 1 / (0.81 / 10 + 0.01 / 10)))
    assert overall([Stratum(50, tried=50, noticed=49), Stratum(9)]) == (0.98, 0.98, 0.98)


# -- what was recorded -------------------------------------------------------------------------------------------------


def test_what_was_recorded_is_recalled_until_a_source_or_the_test_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "ROOT", tmp_path)
    monkeypatch.setattr(recorded, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(recorded, "sources_hash", lambda: "sources")
    (tmp_path / "test_a.py").write_text("one")
    found = Recorded({"test_a.py::test": 0.5}, {"test_a.py::test": 1.0}, {"pumpd/a.py": {7: [0]}}, [])
    key = recorded.key_of("test_a.py")
    assert recorded.recalled("test_a.py", key) is None
    recorded.keep("test_a.py", key, found)
    assert recorded.recalled("test_a.py", key) == found
    monkeypatch.setattr(recorded, "sources_hash", lambda: "others")
    assert recorded.recalled("test_a.py", recorded.key_of("test_a.py")) is None
    monkeypatch.setattr(recorded, "sources_hash", lambda: "sources")
    (tmp_path / "test_a.py").write_text("two")
    assert recorded.recalled("test_a.py", recorded.key_of("test_a.py")) is None


def test_only_tests_that_run_the_line_are_run_and_the_fastest_first():
    seen = Seen()
    took = {"slow": 3.0, "fast": 0.1, "wrong": 0.1, "elsewhere": 0.2}
    lines = {"part.py": {14: [3], 17: [0, 1, 2], 20: [0]}}
    seen.add("tests.py", Recorded(took, dict.fromkeys(took, 0.0), lines, ["wrong"]))
    at = {(each.line, each.operator): each for each in made()}
    assert seen.tests_of(["tests.py"], at[17, "DROPRAISE"]) == ["fast", "slow"]
    assert seen.tests_of(["tests.py"], at[20, "DELSTMT"]) == ["slow"]
    assert seen.tests_of(["tests.py"], at[21, "CALL"]) == ["slow"], "a line that begins no statement"
    assert seen.tests_of(["tests.py"], at[8, "DEFAULT"]) == ["fast", "elsewhere", "slow"], "outside of any function"


# -- the processes -----------------------------------------------------------------------------------------------------

WAITING = """
import signal, time
from tools.mutants.forks import Limit, ended_by_signal, forked
signal.signal(signal.SIGTERM, ended_by_signal)
forked(lambda: open("begun", "w").close() or time.sleep(600), Limit(60, 600))
"""


@pytest.mark.realtime
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_process_behind_and_told_in_time_no_folder(tmp_path, how):
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen([sys.executable, "-c", WAITING], cwd=tmp_path, env=environment)
    wait_for((tmp_path / "begun").exists)
    (child,) = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    run.send_signal(how)
    run.wait(60)
    wait_for(lambda: not Path(f"/proc/{child}").exists())
    assert how is signal.SIGKILL or list(tmp_path.glob("pumpd-mutant-*")) == []


def wait_for(done):
    for _ in range(6000):
        if done():
            return
        time.sleep(0.01)
    pytest.fail("it does not happen")


@pytest.mark.realtime
def test_a_process_that_hangs_is_ended_whether_it_waits_or_works():
    def works():
        while True:
            pass

    assert forked(lambda: time.sleep(600), Limit(cpu_s=60, slept_s=0.1))[0] == Ended("slept too long")
    assert forked(works, Limit(cpu_s=1, slept_s=600))[0] == Ended("took too long")
    assert forked(lambda: "done", Limit(cpu_s=60, slept_s=600))[0] == "done"
    found, _ = forked(lambda: sys.exit("why"), Limit(cpu_s=60, slept_s=600))
    assert isinstance(found, Ended)
    assert found.why.endswith("SystemExit: why\n")
