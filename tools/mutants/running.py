"""Runs tests against mutants, each in a forked process.

A mutant inside a function replaces that function's code after the tests were collected, which takes a few milliseconds.
One outside of any function is imported in place of its module, in a process that has not imported it yet.
"""

import gc
import importlib
import importlib.abc
import importlib.machinery
import math
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import coverage
import hypothesis
import pytest

from tools.mutants.forks import Ended, Limit, end_with_parent, ended_by_signal, forked
from tools.mutants.operators import Mutant
from tools.mutants.recorded import Recorded, Seen
from tools.mutants.targets import ROOT

LEAST_CPU_S = 2.0
LEAST_SLEPT_S = 30.0
SLOWER = 4  # times the CPU time without the mutant, but with coverage: it hangs
UNLIMITED = Limit(cpu_s=7200, slept_s=3600)
IMPORT_CPU_S = 120
OPTIONS = (
    *("-q", "-s", "-p", "no:randomly", "-p", "no:cacheprovider", "--timeout", "0"),
    *("-m", "not browser and not debian and not vm and not ward"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # libraries that were imported before the fork
)
OURS = ("pumpd", "pumpd_drivers", "pumpd_simulators", "toy_pump", "reference_pump", "tests", "__main__")
UNLIKE = "its code cannot take the place of the function's"
OPTIMIZED = 1  # the flag of a function's code, which a class's body does not have


Allowed = Mapping[str, float]  # the CPU seconds of each test that is run, in this order


def allowed(seen: Seen, tests: Sequence[str]) -> tuple[Allowed, Limit]:
    each = {test: LEAST_CPU_S + SLOWER * seen.seconds[test] for test in tests}
    return each, Limit(IMPORT_CPU_S, LEAST_SLEPT_S + SLOWER * sum(seen.slept[test] for test in tests))


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

    def passes(self, item: pytest.Item, following: pytest.Item | None = None) -> bool:
        """`following`: the next one, with which it shares the fixtures of their module."""
        self.failed = False
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        return not self.failed

    def first_to_fail(self, items: Mapping[str, pytest.Item], tests: Allowed) -> str | bool:
        """The first that notices the mutant; True if none does. What depends on real time must fail twice."""
        following = [*(items[test] for test in tests), None][1:]
        for (test, most_s), after in zip(tests.items(), following, strict=True):
            item = items[test]
            again = 2 if item.get_closest_marker("realtime") else 1
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + again * most_s), -1))
            if not any(self.passes(item, after if again == 1 else None) for _ in range(again)):
                return test
        return True


# -- collected once ----------------------------------------------------------------------------------------------------


class Collected:
    """A process that has collected the tests of these files, and runs them in forks of itself."""

    def __init__(self, test_files: Sequence[str], mutated: Sequence[str]) -> None:
        self._pipe, theirs = Pipe()
        self._pid = os.fork()
        if self._pid == 0:
            self._pipe.close()
            _collected(test_files, mutated, theirs)
        theirs.close()
        try:
            self.tests, self.libraries, self.cpu_s = self._pipe.recv()
        except EOFError:
            raise SystemExit(f"pytest could not collect {' '.join(test_files)}") from None

    def record(self, tests: Sequence[str]) -> tuple[Recorded, float]:
        """What the unchanged code does under these tests of one file; and the CPU seconds."""
        self._pipe.send((None, tests, UNLIMITED))
        found, took = self._pipe.recv()
        if not isinstance(found, Recorded):
            raise SystemExit(f"the unchanged code does not run: {found.why}")
        return found, took

    def run(self, mutant: Mutant, tests: Allowed, most: Limit) -> tuple[object, float]:
        """The test that noticed this mutant of a function, True, `UNLIKE` or how it ended; and the CPU seconds."""
        self._pipe.send((mutant, tests, most))
        found, took = self._pipe.recv()
        return found, took

    def close(self) -> None:
        self._pipe.close()
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)
        os.waitpid(self._pid, 0)


def _collected(test_files: Sequence[str], mutated: Sequence[str], pipe: Connection) -> None:
    try:
        end_with_parent()
        signal.signal(signal.SIGTERM, ended_by_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and ends this one
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        pytest.main([*OPTIONS, *test_files], plugins=[Serving(mutated, pipe)])
    finally:
        os._exit(0)


class Serving(Plugin):
    def __init__(self, mutated: Sequence[str], pipe: Connection) -> None:
        super().__init__()
        self.mutated, self.pipe = mutated, pipe
        self.items: dict[str, pytest.Item] = {}
        self.functions: dict[tuple[str, int, str], list[FunctionType]] = {}
        self.measured: coverage.Coverage | None = None
        self.measured_test = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """What several tests share counts for each of them: its lines have no test."""
        if self.measured is None or fixturedef.scope == "function":
            return (yield)
        self.measured.switch_context("")
        try:
            return (yield)
        finally:
            self.measured.switch_context(self.measured_test)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        self.functions = live_functions({str(ROOT / path) for path in self.mutated})
        self.pipe.send((list(self.items), sorted(sys.modules), time.process_time()))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what pytest says when it is ended
        with suppress(EOFError):  # no more questions
            while True:
                mutant, tests, most = self.pipe.recv()
                do = partial(self._recorded, tests) if mutant is None else partial(self._mutated, mutant, tests)
                self.pipe.send(forked(do, most))
        return True

    def _recorded(self, tests: Sequence[str]) -> Recorded:
        found = Recorded()
        files = [str(ROOT / path) for path in self.mutated]
        self.measured = measured = coverage.Coverage(data_file=None, include=files, config_file=False)
        measured.set_option("run:disable_warnings", ["no-data-collected"])  # tests of what is not mutated
        measured.start()
        for name, after in zip(tests, [*tests[1:], None], strict=True):
            self.measured_test = name
            measured.switch_context(name)
            begin, cpu = time.monotonic(), time.process_time()
            if not self.passes(self.items[name], None if after is None else self.items[after]):
                found.failed.append(name)
            found.seconds[name] = time.process_time() - cpu
            found.slept[name] = time.monotonic() - begin - found.seconds[name]
        measured.stop()
        data = measured.get_data()
        number = {name: at for at, name in enumerate(found.seconds)}
        for path in self.mutated:
            of_lines = data.contexts_by_lineno(str(ROOT / path)).items()
            if of_lines:
                found.lines[path] = {
                    line: sorted(number[test] for test in (tests if "" in by else by)) for line, by in of_lines
                }
        return found

    def _mutated(self, mutant: Mutant, tests: Allowed) -> object:
        file = ROOT / mutant.path
        number = mutant.function
        assert number is not None
        before = list(outermost(compile(mutant.whole, str(file), "exec")))[number]
        after = list(outermost(compile(mutant.source, str(file), "exec")))[number]
        alive = self.functions.get((str(file), before.co_firstlineno, before.co_qualname), [])
        if not alive or before.co_freevars != after.co_freevars:
            return UNLIKE
        for function in alive:
            function.__code__ = after
        _as_process(mutant)
        return self.first_to_fail(self.items, tests)


def live_functions(files: set[str]) -> dict[tuple[str, int, str], list[FunctionType]]:
    gc.unfreeze()  # or the collector would not list what exists since the collection of the tests
    found: dict[tuple[str, int, str], list[FunctionType]] = {}
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename in files:
            code = each.__code__
            found.setdefault((code.co_filename, code.co_firstlineno, code.co_qualname), []).append(each)
    gc.freeze()
    return found


def _as_process(mutant: Mutant) -> None:
    """The deadman is a program that is started from its file."""
    if mutant.path == "pumpd/wire/deadman.py":
        from pumpd.wire import guard  # noqa: PLC0415 - pumpd is only imported below a fork

        file = Path(tempfile.gettempdir()) / "deadman.py"
        file.write_text(mutant.source, encoding="utf-8")
        guard.DEADMAN = file


# -- imported afresh ---------------------------------------------------------------------------------------------------


def import_libraries(names: Iterable[str]) -> None:
    """Once, and not in each fork. Nothing of ours."""
    for name in names:
        if name.partition(".")[0] not in OURS:
            with suppress(Exception):
                importlib.import_module(name)


def run_outside(mutant: Mutant, tests: Allowed, most: Limit) -> tuple[object, float]:
    """As `Collected.run`, for a mutant outside of any function."""
    return forked(partial(_import, mutant, tests), most)


def _import(mutant: Mutant, tests: Allowed) -> object:
    plugin = Importing(mutant, tests)
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    status = pytest.main([*OPTIONS, *files], plugins=[plugin])
    return plugin.found if status in (0, 1, 5) else Ended(f"pytest ends with {status}")


class Importing(Plugin):
    """One mutant, in place of its module."""

    def __init__(self, mutant: Mutant, tests: Allowed) -> None:
        super().__init__()
        self.tests = tests
        self.found: str | bool = True
        sys.meta_path.insert(0, _Finder(mutant))
        self.mutant = mutant

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        _as_process(self.mutant)
        self.found = self.first_to_fail({item.nodeid: item for item in session.items}, self.tests)
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
