"""What is mutated, and which tests must notice: those of the package itself, not the stories of the whole gateway."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Target:
    """`files` are patterns below the repository; `tests` are its folders and files of tests. `edges`, the files among
    them that test values and single functions, run first.
    """

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]
    edges: tuple[str, ...] = ()

    def paths(self) -> Iterator[Path]:
        for pattern in self.files:
            yield from sorted(path for path in ROOT.glob(pattern) if path.name != "__init__.py")


def _codec(family: str) -> Target:
    tests = [f"tests/drivers/{family}", *(str(each.relative_to(ROOT)) for each in _about(family))]
    return Target(
        f"codec of {family}",
        (f"drivers/pumpd_drivers/{family}/codec.py",),
        tuple(each for each in tests if (ROOT / each).exists()),
        (f"tests/drivers/{family}/test_codec.py", f"tests/drivers/test_{family}_codec.py"),
    )


def _about(family: str) -> list[Path]:
    return [
        *sorted((ROOT / "tests" / "drivers").glob(f"test_*{family}*.py")),
        ROOT / "tests/drivers/test_transcripts.py",
    ]


_OF_INFUSIONS = tuple(
    f"tests/infusion/test_{name}.py"
    for name in ("interlock_edges", "edges_of_events", "start", "panel", "order_age", "pump_battery", "record", "asked")
)

TARGETS = (
    Target(
        "quantities",
        ("pumpd/quantities.py",),
        ("tests/quantities", "tests/dosing/test_golden.py"),
        ("tests/quantities/test_edges.py", "tests/dosing/test_golden.py"),
    ),
    Target(
        "dosing",
        ("pumpd/dosing/*.py",),
        ("tests/dosing",),
        tuple(
            f"tests/dosing/test_{name}.py"
            for name in (
                "canonical",
                "history",
                "history_limits",
                "limits",
                "prescription",
                "golden",
                "library",
                "names",
                "day",
                "course_plan",
            )
        ),
    ),
    Target("infusion", ("pumpd/infusion/*.py",), ("tests/infusion",), _OF_INFUSIONS),
    Target("interlocks", ("pumpd/infusion/interlocks/*.py",), ("tests/infusion",), _OF_INFUSIONS),
    Target(
        "pump",
        ("pumpd/pump/*.py",),
        ("tests/quantities", "tests/dosing", "tests/infusion", "tests/drivers/test_answers.py"),
        ("tests/quantities/test_edges.py", "tests/infusion/test_interlock_edges.py", "tests/dosing/test_rest.py"),
    ),
    Target(
        "wire",
        tuple(f"pumpd/wire/{name}.py" for name in ("link", "pace", "deadman", "guard")),
        ("tests/wire",),
        tuple(
            f"tests/wire/test_{name}.py"
            for name in (
                "deadman_edges",
                "deadman_ear",
                "deadman",
                "guard",
                "pace_edges",
                "link_edges",
                "link",
                "heard",
                "stop_pace",
            )
        ),
    ),
    Target(
        "journal",
        ("pumpd/journal/*.py",),
        ("tests/journal", "tests/control/test_writer.py"),
        (
            *(f"tests/journal/test_{name}.py" for name in ("edges", "journal", "anchor", "doses", "loss")),
            "tests/control/test_writer.py",
        ),
    ),
    *(_codec(path.parent.name) for path in sorted(ROOT.glob("drivers/pumpd_drivers/*/codec.py"))),
)
