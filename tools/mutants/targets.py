"""What is mutated, and which tests must notice: those of the package itself, not the stories of the whole gateway."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Target:
    """`files` are patterns below the repository; `tests` are its folders and files of tests."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]

    def paths(self) -> Iterator[Path]:
        for pattern in self.files:
            yield from sorted(path for path in ROOT.glob(pattern) if path.name != "__init__.py")


def _codec(family: str) -> Target:
    tests = [f"tests/drivers/{family}", *(str(each.relative_to(ROOT)) for each in _about(family))]
    return Target(
        f"codec of {family}",
        (f"drivers/pumpd_drivers/{family}/codec.py",),
        tuple(each for each in tests if (ROOT / each).exists()),
    )


def _about(family: str) -> list[Path]:
    return [
        *sorted((ROOT / "tests" / "drivers").glob(f"test_*{family}*.py")),
        ROOT / "tests/drivers/test_transcripts.py",
    ]


TARGETS = (
    Target("quantities", ("pumpd/quantities.py",), ("tests/quantities", "tests/dosing/test_golden.py")),
    Target("dosing", ("pumpd/dosing/*.py",), ("tests/dosing",)),
    Target("infusion", ("pumpd/infusion/*.py",), ("tests/infusion",)),
    Target("interlocks", ("pumpd/infusion/interlocks/*.py",), ("tests/infusion",)),
    Target(
        "pump",
        ("pumpd/pump/*.py",),
        ("tests/pump", "tests/dosing", "tests/infusion", "tests/drivers/test_answers.py"),
    ),
    Target("wire", ("pumpd/wire/link.py", "pumpd/wire/deadman.py", "pumpd/wire/guard.py"), ("tests/wire",)),
    Target("journal", ("pumpd/journal/*.py",), ("tests/journal",)),
    *(_codec(path.parent.name) for path in sorted(ROOT.glob("drivers/pumpd_drivers/*/codec.py"))),
)
