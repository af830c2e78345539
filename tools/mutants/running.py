"""Runs tests against mutants, each in a forked process.

A mutant inside a function replaces that function's code after the tests were collected, which takes a few milliseconds.
One outside of any function is imported in place of its module, in a process that has not imported it yet.
"""

import gc
import importlib
import importlib.abc
import importlib.machinery
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import coverage
import hypothesis
import pytest

from tools.mutants.operators import Mutant
from tools.mutants.targets import ROOT, Target

LEAST_CPU_S = 10
LEAST_WALL_S = 120
SLOWER = 20  # times as long as without the mutant: it hangs
OPTIONS = (
    *("-q", "-s", "-p", "no:randomly", "-p", "no:cacheprovider", "--timeout", "0"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # libraries that were imported before the fork
)
OURS = ("pumpd", "pumpd_drivers", "pumpd_simulators", "toy_pump", "reference_pump", "tests", "__main__")
UNLIKE = "its code cannot take the place of the function's"
OPTIMIZED = 1  # the flag of a function's code, which a class's body does not have


@dataclass
class Seen:
    """What the unchanged code does: the seconds of each test, and the tests that run each line of each file."""

    seconds: dict[str, float] = field(default_factory=dict)
    by_line: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def add(self, more: "Seen") -> None:
        self.seconds |= more.seconds
        self.failed |= more.failed
        for path, lines in more.by_line.items():
            known = self.by_line.setdefault(path, {})
            for line, tests in lines.items():
                known[line] = [*known.get(line, ()), *tests]

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Those that can notice it, the fastest first."""
        lines = self.by_line.get(mutant.path, {})
        span = range(mutant.line, mutant.line + mutant.before.count("\n") + 1)
        found = {test for line in span for test in lines.get(line, ()) if test}
        if mutant.function is None or not found:
            found = {test for tests in lines.values() for test in tests if test}
        return sorted(found - self.failed, key=lambda test: self.seconds[test])


def outermost(code: CodeType) -> Iterator[CodeType]:
    """The code of the functions of a module and its classes, in the order of the source."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if not each.co_flags & OPTIMIZED:
                yield from outermost(each)
            elif not each.co_name.startswith("<"):
                yield each


class Plugin:
    """Settings for every run: no example of a mutant is shrunk, kept or random."""

    def __init__(self) -> None:
        self.failed = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        house = hypothesis.settings.get_profile("house")
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile(
            "mutants", parent=house, database=None, derandomize=True, phases=phases, print_blob=False
        )
        hypothesis.settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed

    def run(self, items: Sequence[pytest.Item]) -> bool:
        """Whether all pass."""
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                return False
        return True


class Patching(Plugin):
    """Collects once. Then the unchanged code runs, and each mutant of a function: first against the tests at the edges,
    and what they do not notice, against the others.
    """

    def __init__(
        self, mutants: Sequence[Mutant], edges: tuple[str, ...], say: Callable[[object], None], *, quick: bool
    ) -> None:
        """`edges`: the files of tests that run first; `quick`: and no others."""
        super().__init__()
        self.mutants, self.edges, self.say, self.quick = mutants, edges, say, quick
        self.items: dict[str, pytest.Item] = {}
        self.unlike: set[str] = set()
        self.noticed: list[str] = []  # the last tests that noticed a mutant

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        self.say(sorted(sys.modules))
        edges = [name for name in self.items if name.startswith(self.edges)]
        others = [name for name in self.items if not name.startswith(self.edges)]
        left = list(self.mutants)
        functions = live_functions({str(ROOT / mutant.path) for mutant in left})
        for tests in (edges, others):
            if not tests or not left or (self.quick and edges and tests is others):
                continue
            seen = forked(partial(self._unchanged, tests), Limit(cpu_s=3600, wall_s=7200))
            if not isinstance(seen, Seen):
                raise pytest.UsageError(f"the unchanged code does not run: {seen}")
            self.say(seen)
            left = [mutant for mutant in left if mutant.function is None or self._survives(mutant, seen, functions)]
        for mutant in left:
            self.say((mutant.id, None if mutant.function is None or mutant.id in self.unlike else True))
        return True

    def _survives(
        self, mutant: Mutant, seen: Seen, functions: Mapping[tuple[str, int, str], list[FunctionType]]
    ) -> bool:
        tests = seen.tests_of(mutant)
        tests = [test for test in self.noticed if test in tests] + [each for each in tests if each not in self.noticed]
        found = forked(partial(self._mutated, mutant, tests, functions), limit(seen, tests))
        if found == UNLIKE:
            self.unlike.add(mutant.id)
        if found in (True, UNLIKE):
            return True
        self.say((mutant.id, found))
        if isinstance(found, str):
            self.noticed = [found, *(each for each in self.noticed if each != found)][:5]
        return False

    def _unchanged(self, tests: Sequence[str]) -> Seen:
        seen = Seen()
        paths = sorted({mutant.path for mutant in self.mutants})
        measured = coverage.Coverage(data_file=None, include=[str(ROOT / path) for path in paths], config_file=False)
        measured.start()
        for name in tests:
            measured.switch_context(name)
            begin = time.process_time()
            self.failed = False
            if not self.run([self.items[name]]):
                seen.failed.add(name)
            seen.seconds[name] = time.process_time() - begin
        measured.stop()
        data = measured.get_data()
        seen.by_line = {path: data.contexts_by_lineno(str(ROOT / path)) for path in paths}
        return seen

    def _mutated(
        self, mutant: Mutant, tests: Sequence[str], functions: Mapping[tuple[str, int, str], list[FunctionType]]
    ) -> object:
        """The test that noticed it; True: none."""
        file = ROOT / mutant.path
        number = mutant.function
        assert number is not None
        before = list(outermost(compile(file.read_text(encoding="utf-8"), str(file), "exec")))[number]
        after = list(outermost(compile(mutant.source, str(file), "exec")))[number]
        alive = functions.get((str(file), before.co_firstlineno, before.co_qualname), [])
        if not alive or before.co_freevars != after.co_freevars:
            return UNLIKE
        for function in alive:
            function.__code__ = after
        _as_process(mutant)
        for test in tests:
            if not self.run([self.items[test]]):
                return test
        return True


class Importing(Plugin):
    """One mutant, in place of its module."""

    def __init__(self, mutant: Mutant, tests: Sequence[str]) -> None:
        super().__init__()
        self.order = {test: number for number, test in enumerate(tests)}
        self.found: str | bool = True
        sys.meta_path.insert(0, _Finder(mutant))
        self.mutant = mutant

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        _as_process(self.mutant)
        items = [item for item in session.items if item.nodeid in self.order]
        for item in sorted(items, key=lambda item: self.order[item.nodeid]):
            if not self.run([item]):
                self.found = item.nodeid
                break
        return True


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin == str(ROOT / self.mutant.path):
            spec.loader = _Loader(fullname, spec.origin, self.mutant.source)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, text: str) -> None:
        super().__init__(fullname, path)
        self.text = text

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the method of a loader
        return compile(self.text, self.path, "exec", dont_inherit=True)


def _as_process(mutant: Mutant) -> None:
    """The deadman is a program that is started from its file."""
    if mutant.path == "pumpd/wire/deadman.py":
        from pumpd.wire import guard  # noqa: PLC0415 - pumpd is only imported below a fork

        file = Path(tempfile.gettempdir()) / "deadman.py"
        file.write_text(mutant.source, encoding="utf-8")
        guard.DEADMAN = file


def live_functions(files: set[str]) -> dict[tuple[str, int, str], list[FunctionType]]:
    gc.unfreeze()  # or the collector would not list what exists since the collection of the tests
    found: dict[tuple[str, int, str], list[FunctionType]] = {}
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename in files:
            code = each.__code__
            found.setdefault((code.co_filename, code.co_firstlineno, code.co_qualname), []).append(each)
    gc.freeze()
    return found


# -- forks -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Limit:
    cpu_s: int
    wall_s: float


def limit(seen: Seen, tests: Sequence[str]) -> Limit:
    usual = sum(seen.seconds[test] for test in tests)
    return Limit(int(LEAST_CPU_S + SLOWER * usual), LEAST_WALL_S + SLOWER * usual)


@dataclass(frozen=True)
class Ended:
    """A process that gave no answer: it was killed by a signal, or took too long."""

    why: str


def forked(do: Callable[[], object], most: Limit) -> object:
    """What `do` returns in a process of its own, which has a temporary folder of its own and says nothing."""
    ours, theirs = Pipe(duplex=False)
    folder = tempfile.mkdtemp(prefix="pumpd-mutant-")
    pid = os.fork()
    if pid == 0:
        _child(do, theirs, folder, most)
    theirs.close()
    try:
        if not select.select([ours], [], [], most.wall_s)[0]:
            return Ended("took too long")
        try:
            return ours.recv()
        except EOFError:
            return Ended("died")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        ours.close()
        shutil.rmtree(folder, ignore_errors=True)


def _child(do: Callable[[], object], theirs: Connection, folder: str, most: Limit) -> None:
    try:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (most.cpu_s, most.cpu_s))
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        theirs.send(do())
    except BaseException:  # noqa: BLE001 - whatever it is, this process ends here
        theirs.send(Ended(traceback.format_exc()))
    os._exit(0)


def run(target: Target, mutants: Sequence[Mutant], *, quick: bool) -> Iterator[tuple[str, object] | Seen]:
    """What the unchanged code does, and each mutant's id with the test that noticed it, True if none did, or how its
    process ended. `quick`: only against the tests at the edges.
    """
    options = [*OPTIONS, "-m", "not browser and not debian and not vm and not ward", *target.tests]
    ours, theirs = Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        ours.close()
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            pytest.main(options, plugins=[Patching(mutants, target.edges, theirs.send, quick=quick)])
        finally:
            theirs.close()
            os._exit(0)
    theirs.close()
    seen, outside = Seen(), []
    by_id = {mutant.id: mutant for mutant in mutants}
    libraries: list[str] = []
    try:
        while True:
            said = ours.recv()
            if isinstance(said, Seen):
                seen.add(said)
                yield said
            elif isinstance(said, list):
                libraries = said
            elif said[1] is None:
                outside.append(by_id[said[0]])
            else:
                yield said
    except EOFError:
        os.waitpid(pid, 0)
    except BaseException:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        raise
    if not seen.seconds:
        raise SystemExit(f"pytest could not run {' '.join(target.tests)}")
    for name in libraries:  # once, and not in each fork
        if name.partition(".")[0] not in OURS:
            with suppress(Exception):
                importlib.import_module(name)
    for mutant in outside:
        chosen = seen.tests_of(mutant)
        yield mutant.id, forked(partial(_import, mutant, chosen, options), limit(seen, chosen))


def _import(mutant: Mutant, tests: Sequence[str], options: Sequence[str]) -> object:
    plugin = Importing(mutant, tests)
    status = pytest.main([*options], plugins=[plugin])
    return plugin.found if status in (0, 1, 5) else Ended(f"pytest ends with {status}")
