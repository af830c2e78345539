"""The tool behind `make mutants`: which mutants it makes, and that what it lists as equivalent still exists."""

import ast

import pytest

from tools.mutants.__main__ import all_of, equivalents
from tools.mutants.operators import enums_of, mutants
from tools.mutants.running import outermost
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
