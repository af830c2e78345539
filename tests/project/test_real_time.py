"""No test asserts how long something took in real time: that depends on the machine. `benchmarks/` measures it.

A test in real time may wait for what must happen, for a minute at least: then it fails because that never happened.
"""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.patience import PATIENCE_S

# The browser, the virtual machine and the ward are waited for where they run; the pure core has no clock at all.
ELSEWHERE = ("browser", "vm", "ward", "infusion")
CLOCKS = {"monotonic", "perf_counter", "process_time", "time", "monotonic_ns", "perf_counter_ns", "process_time_ns"}
# What waits, and the position of its time limit among the arguments.
WAITS = {"wait_for": 1, "timeout": 0, "wait": 0, "join": 0, "result": 0}

CLIENTS = {"aiomqtt.Client", "httpx.Client", "httpx.AsyncClient"}
# Without one of these in its text, a file is not parsed: three seconds of CPU.
MAY = re.compile(
    r"\btime\.(?:monotonic|perf_counter|process_time|time)|timeout|Client\(|wait_for\(|\.(?:wait|join|result)\(\d"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_marked(test: Function) -> bool:
    return any("realtime" in ast.unparse(each) for each in test.decorator_list)


def is_real(test: Function, *, whole: bool, partly: bool) -> bool:
    """Whether it runs on real time. What has no loop has no other; what tests call may be called by one that has."""
    return whole or isinstance(test, ast.FunctionDef) or (is_marked(test) if test.name.startswith("test_") else partly)


def reads_a_clock(node: ast.AST) -> bool:
    """`time.monotonic()`; a loop's time is virtual, or is compared with the loop's own."""
    return any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr in CLOCKS
        and isinstance(each.func.value, ast.Name)
        and each.func.value.id == "time"
        for each in ast.walk(node)
    )


def durations(test: ast.AST) -> set[str]:
    """The names that hold what a clock showed, less what it showed before."""
    return {
        target.id
        for each in ast.walk(test)
        if isinstance(each, ast.Assign) and is_duration(each.value, set())
        for target in each.targets
        if isinstance(target, ast.Name)
    }


def is_duration(node: ast.AST, named: set[str]) -> bool:
    return any(
        (isinstance(each, ast.BinOp) and isinstance(each.op, ast.Sub) and reads_a_clock(each.left))
        or (isinstance(each, ast.Name) and each.id in named)
        for each in ast.walk(node)
    )


def bounds(test: Function) -> Iterator[int]:
    """The lines that assert that something took no longer than so and so."""
    named = durations(test)
    for each in ast.walk(test):
        if not isinstance(each, ast.Assert):
            continue
        for compared in (node for node in ast.walk(each.test) if isinstance(node, ast.Compare)):
            sides = pairwise([compared.left, *compared.comparators])
            for (left, right), op in zip(sides, compared.ops, strict=True):
                less = left if isinstance(op, ast.Lt | ast.LtE) else right if isinstance(op, ast.Gt | ast.GtE) else None
                if less is not None and is_duration(less, named):
                    yield each.lineno


def own(test: Function) -> Iterator[ast.AST]:
    """What is in it, but not in a function in it; and not what is expected to take too long."""
    left: list[ast.AST] = [*ast.iter_child_nodes(test)]
    while left:
        node = left.pop()
        expects = isinstance(node, ast.With | ast.AsyncWith) and any(
            name in ast.unparse(item.context_expr) for item in node.items for name in ("raises(", "suppress(")
        )
        if not isinstance(node, Function) and not expects:
            yield node
            left += ast.iter_child_nodes(node)


def short_waits(test: Function) -> Iterator[int]:
    """The lines that wait for less than a minute."""
    for call in (node for node in own(test) if isinstance(node, ast.Call)):
        at = WAITS.get(call.func.attr) if isinstance(call.func, ast.Attribute) else None
        given = [each.value for each in call.keywords if each.arg == "timeout"]
        given += call.args[at : at + 1] if at is not None else []
        if any(is_shorter(each, PATIENCE_S) for each in given):
            yield call.lineno


def impatient_clients(tree: ast.Module) -> Iterator[int]:
    """The lines that make a client which gives up after its library's five or ten seconds."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        named = {each.arg for each in call.keywords}
        if ast.unparse(call.func) in CLIENTS and not named & {"timeout", "transport"}:
            yield call.lineno


def is_shorter(seconds: ast.expr, than_s: float) -> bool:
    return isinstance(seconds, ast.Constant) and isinstance(seconds.value, int | float) and seconds.value < than_s


def impatient_marks(tree: ast.Module, default_s: float = 600) -> Iterator[int]:
    """The lines that give a test less time than pyproject.toml gives each of them."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if ast.unparse(call.func) == "pytest.mark.timeout" and any(is_shorter(each, default_s) for each in call.args):
            yield call.lineno


def found(source: str) -> list[int]:
    """The lines of a file of tests that depend on how busy the machine is."""
    if not MAY.search(source):
        return []
    tree = ast.parse(source)
    tests = [node for node in ast.walk(tree) if isinstance(node, Function)]
    whole = any(isinstance(node, ast.Assign) and "realtime" in ast.unparse(node.value) for node in tree.body)
    partly = any(is_marked(test) for test in tests)
    lines = {*impatient_marks(tree), *impatient_clients(tree)}
    for test in tests:
        lines.update(bounds(test))
        if is_real(test, whole=whole, partly=partly):
            lines.update(short_waits(test))
    return sorted(lines)


def test_no_test_depends_on_how_busy_the_machine_is():
    wrong = [
        f"{path.relative_to(ROOT).as_posix()}:{line}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path.relative_to(ROOT).parts[1] not in ELSEWHERE and path != Path(__file__)
        for line in found(path.read_text(encoding="utf-8"))
    ]
    assert wrong == [], "measure it in benchmarks/, assert what happened before what, or wait with tests/patience.py"


REAL = "@pytest.mark.realtime\nasync def test_it():\n    began = time.monotonic()\n    it()\n    {}\n"


@pytest.mark.parametrize(
    ("line", "depends"),
    [
        ("assert time.monotonic() - began < 1.0", True),
        ("assert 0.15 < time.perf_counter() - began < 1.0", True),
        ("assert 1.0 >= time.perf_counter() - began", True),
        ("assert (time.process_time() - began) / 2000 < 300e-6", True),
        ("took = time.monotonic() - began; assert took <= 0.5", True),
        ("assert time.monotonic() < end, what", False),
        ("took = time.monotonic() - began; assert took >= 0.5", False),
        ("await asyncio.wait_for(it(), 5)", True),
        ("await asyncio.wait_for(it(), PATIENCE_S)", False),
        ("process.wait(20)", True),
        ("subprocess.run(it, timeout=30)", True),
        ("subprocess.run(it, timeout=120)", False),
        ("aiomqtt.Client(host, port)", True),
        ("aiomqtt.Client(host, port, timeout=PATIENCE_S)", False),
        ("with pytest.raises(TimeoutError): await asyncio.wait_for(it(), 0.1)", False),
    ],
)
def test_what_depends_on_how_busy_the_machine_is(line, depends):
    assert bool(found(REAL.format(line))) is depends


def test_in_virtual_time_any_wait_is_exact():
    line = "await asyncio.wait_for(it(), 5)"
    assert found(REAL.format(line).partition("\n")[2]) == []


def test_no_test_has_less_time_than_all():
    assert found("pytestmark = [pytest.mark.realtime, pytest.mark.timeout(90)]") == [1]
