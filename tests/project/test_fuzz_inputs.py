"""Everything that reads bytes from outside refuses them in its own words: the short form of `make fuzz-inputs`."""

import pytest

from benchmarks.fuzz_inputs import JSON, KEPT, STOP, TARGETS, NotTakenError, Target, keep, kept, plain, socket
from pumpd.messages import requests

RUNS = {"config": 60, "library": 30}  # reading one takes milliseconds


@pytest.mark.requirement("SEC-09", "PRG-24")
@pytest.mark.parametrize("name", TARGETS)
def test_damaged_input_is_refused_and_nothing_else_happens(name):
    target = TARGETS[name]()
    assert plain(name, target, RUNS.get(name, 300), seed=5) > len(target.seeds) > 0


def test_the_seeds_are_good_inputs():
    for data in JSON[:2]:
        requests.REQUEST.validate_json(data)


@pytest.mark.requirement("STP-01")
def test_a_stop_that_is_cut_off_anywhere_is_taken():
    for end in range(len(b'{"op":"stop"'), len(STOP) + 1):
        socket(STOP[:end])


def test_an_exception_and_a_stop_that_is_not_taken_are_findings(monkeypatch):
    def fragile(data):
        if b"9" in data:
            raise IndexError("out of range")

    with pytest.raises(AssertionError, match="IndexError"):
        plain("fragile", Target(fragile, (b"12345678",)), 500, seed=1)
    monkeypatch.setattr("benchmarks.fuzz_inputs.unclear_stop", lambda _: None)
    with pytest.raises(NotTakenError):
        socket(STOP[:40])


def test_what_is_kept_is_read_again_exactly_and_short_and_long_ones_stay(tmp_path):
    file = tmp_path / "kept.txt"
    inputs = [b"", b"a", b"\x00\xff\r\n\\x41 \xc3\xa9\x0c\x85"]
    keep(file, inputs)
    assert kept(file) == inputs
    keep(file, [bytes(length) for length in range(2 * KEPT)])
    assert kept(file) == [bytes(length) for length in range(0, 2 * KEPT, 2)]


def test_nothing_is_kept_yet(tmp_path):
    keep(tmp_path / "kept.txt", [])
    assert kept(tmp_path / "kept.txt") == kept(tmp_path / "none.txt") == []
