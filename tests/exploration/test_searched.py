"""What a search found is kept: a run that was ended goes on, and finds what one run finds."""

import json
from dataclasses import asdict

import pytest

from pumpd.infusion import State
from tests.exploration import __main__ as exploration
from tests.exploration import figures
from tests.exploration.searched import Searched, search

SLICE = "silence"


@pytest.fixture
def explore(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(exploration, "KEPT", str(tmp_path))

    def run(*words: str, status: int = 0) -> str:
        assert exploration.main(["--workers", "1", *words]) == status
        return capsys.readouterr().out

    return run


def none(wanted, workers):
    assert list(wanted) == [], "it was searched already"
    return iter(())


def test_what_a_search_found_survives_its_line():
    found = search(SLICE, None)
    assert found.closed
    assert found.compared
    assert (State.PAUSING, State.STOPPED) in found.transitions
    assert Searched.read(json.loads(json.dumps(asdict(found)))) == found


def test_a_slice_is_searched_once_for_each_bound(explore, monkeypatch):
    found = explore("--slice", SLICE)
    with monkeypatch.context() as patched:
        patched.setattr(exploration, "search_all", none)
        assert explore("--slice", SLICE) == found
    few = explore("--slice", SLICE, "--nodes", "20")
    assert "did not close" in few
    assert "did not close" not in found


def test_other_code_is_searched_anew(explore, monkeypatch):
    explore("--slice", SLICE)
    monkeypatch.setattr(exploration, "code", lambda *_: "other")
    monkeypatch.setattr(exploration, "search_all", none)
    with pytest.raises(AssertionError, match="searched already"):
        explore("--slice", SLICE)


def test_a_part_of_the_slices_does_not_replace_the_table_of_all(explore, monkeypatch):
    monkeypatch.setattr(exploration, "MUTANTS", ())
    monkeypatch.setattr(figures, "write", lambda *_: pytest.fail("the page was written"))
    assert "every rule holds" in explore("--slice", SLICE, "--doc")


def test_a_broken_rule_is_told_again_by_what_was_kept(explore, monkeypatch):
    broken = Searched(**asdict(search(SLICE, 20)) | {"wrong": ("a_rule [silence]: stop",), "ways": ()})
    monkeypatch.setattr(exploration, "search_all", lambda *_: iter([broken]))
    first = explore("--slice", SLICE, "--nodes", "20", status=1)
    monkeypatch.setattr(exploration, "search_all", none)
    assert "a_rule [silence]: stop" in first
    assert explore("--slice", SLICE, "--nodes", "20", status=1) == first
