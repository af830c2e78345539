"""No test asserts how long something took in real time: that depends on the machine. `benchmarks/` measures it."""

import re

import pytest

from tests.conftest import ROOT

# The browser and the virtual machine are measured where they run.
MEASURING = ("tests/browser", "tests/vm")
BOUND = re.compile(r"assert\b.*\btime\.(?:monotonic|perf_counter|process_time|time)\(\) - \w+.*<")


def test_no_test_bounds_the_real_time_that_something_takes():
    found = []
    for path in (ROOT / "tests").rglob("*.py"):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(MEASURING):
            lines = path.read_text(encoding="utf-8").splitlines()
            found += [f"{name}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if BOUND.search(line)]
    assert [
        each for each in found if "loop.time()" not in each and not each.startswith("tests/project/test_real_")
    ] == []


@pytest.mark.parametrize(
    ("line", "is_bound"),
    [
        ("assert time.monotonic() - begun < 1.0", True),
        ("assert 0.15 < time.perf_counter() - began < 1.0", True),
        ("assert (time.process_time() - begin) / 2000 < 300e-6", True),
        ("assert time.monotonic() < end, what", False),
        ("assert time.monotonic() - begin >= 0.1", False),
    ],
)
def test_what_a_bound_looks_like(line, is_bound):
    assert bool(BOUND.search(line)) is is_bound
