"""`python -m tests.project.fake_benchmarks ARGUMENTS`: `python -m benchmarks`, with benchmarks that break.

In a process of its own, as the command runs: each benchmark is a fork of it.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import benchmarks.__main__ as bench
from benchmarks import running
from benchmarks.result import Result
from benchmarks.size import Size


def works(size: Size) -> list[Result]:
    subprocess.run(["echo", "said by what works"], check=True)
    return [Result("append", size.of(3.0, 1.0), 2.0, "times")]


def breaks_half_way(_: Size) -> Iterator[Result]:
    yield Result("first half", 1.0, 2.0, "s")
    subprocess.run(["echo", "said by what breaks"], check=True)
    raise AssertionError("no simulator")


def harvard_breaks(families: list[str], _: Size) -> list[Result]:
    if families == ["harvard"]:
        raise TimeoutError
    return [Result(f"polling of {families[0]}", 1.0, 2.0, "s")]


def hangs(_: Size) -> Iterator[Result]:
    """Nor can it be interrupted. Its process and its file are written down."""
    yield Result("before it hung", 1.0, 2.0, "s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with tempfile.NamedTemporaryFile(delete=False) as file:
        started = subprocess.Popen(["sleep", "600"])
        Path(os.environ["LEFT"]).write_text(f"{os.getpid()} {started.pid} {file.name}", encoding="utf-8")
        time.sleep(600)


def dies(_: Size) -> list[Result]:
    os._exit(3)


if __name__ == "__main__":
    bench.WHOLE = {
        "works": SimpleNamespace(measure=works),
        "breaks": SimpleNamespace(measure=breaks_half_way),
        "hangs": SimpleNamespace(measure=hangs),
        "dies": SimpleNamespace(measure=dies),
    }
    bench.EACH_FAMILY = {"polling": SimpleNamespace(measure=harvard_breaks)}
    bench.ALL = bench.WHOLE | bench.EACH_FAMILY
    bench.LIMIT_S = dict.fromkeys(Size, float(os.environ.get("LIMIT_S", "60")))
    running.ENDS_WITHIN_S = 0.5
    bench.KEPT = Path(os.environ["KEPT"])
    sys.exit(bench.main())
