"""Write docs/requirements.md: each requirement with its tests. With --check, fail when the page or a claim is wrong.

Reads the catalogue (docs/safety/requirements.md), the claims (docs/safety/claims.txt) and, without running them, the
tests: every `@pytest.mark.requirement("ID", ...)` on a function or class, and in a module's `pytestmark`.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Project:
    root: Path = ROOT

    @property
    def table(self) -> Path:
        return self.root / "docs" / "requirements.md"

    @property
    def catalogue_file(self) -> Path:
        return self.root / "docs" / "safety" / "requirements.md"

    def catalogue(self) -> dict[str, str]:
        text = self.catalogue_file.read_text(encoding="utf-8")
        return dict(re.findall(r"^\| ([A-Z]{3}-\d\d) \| (.*?) \|", text, re.MULTILINE))

    def claims(self) -> list[str]:
        text = (self.root / "docs" / "safety" / "claims.txt").read_text(encoding="utf-8")
        return re.sub(r"#.*", "", text).split()

    def tests(self) -> dict[str, list[tuple[str, str]]]:
        """Requirement to (file, test) pairs, sorted."""
        found: dict[str, set[tuple[str, str]]] = {}
        for file in sorted((self.root / "tests").rglob("test_*.py")):
            module = ast.parse(file.read_text(encoding="utf-8"), str(file))
            for identifier, test in _marked(module):
                found.setdefault(identifier, set()).add((file.relative_to(self.root).as_posix(), test))
        return {identifier: sorted(pairs) for identifier, pairs in found.items()}


def _marked(module: ast.Module) -> Iterator[tuple[str, str]]:
    for identifier in _assigned_marks(module.body):
        yield identifier, ""
    for node in module.body:
        for owner in (node, *(node.body if isinstance(node, ast.ClassDef) else ())):
            if isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for decorator in owner.decorator_list:
                    for identifier in _ids(decorator):
                        yield identifier, owner.name


def _assigned_marks(body: Sequence[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets):
            yield from _ids(node.value)


def _ids(node: ast.expr) -> Iterator[str]:
    """The IDs in every `mark.requirement("ID", ...)` below a node, also inside `pytest.param(..., marks=...)`."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "requirement":
            yield from (
                each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )


def problems(project: Project) -> list[str]:
    catalogue, claims, tests = project.catalogue(), project.claims(), project.tests()
    found = [f"{claim} is claimed and not in the catalogue" for claim in claims if claim not in catalogue]
    found += [f"{claim} is claimed twice" for claim in sorted({c for c in claims if claims.count(c) > 1})]
    found += [f"{claim} is claimed and has no test" for claim in claims if claim in catalogue and claim not in tests]
    found += [
        f"{each} is marked in {tests[each][0][0]} and not in the catalogue" for each in tests if each not in catalogue
    ]
    return found


def rendered(project: Project) -> str:
    catalogue, claims, tests = project.catalogue(), set(project.claims()), project.tests()
    with_tests = sum(each in tests for each in catalogue)
    lines = [
        "# Requirements and their tests",
        "",
        "Written by `tools/requirements_table.py` from the marks in the tests; `make check` compares it.",
        "The catalogue with numbers and sources is [safety/requirements.md](safety/requirements.md).",
        "",
        f"Claimed by this version: {len(claims & set(catalogue))} of {len(catalogue)}. With tests: {with_tests}.",
        "",
        "| ID | Requirement | Claimed | Tests |",
        "|---|---|---|---|",
    ]
    for identifier, text in catalogue.items():
        claimed = "yes" if identifier in claims else "not yet"
        names = "<br>".join(f"[{name or Path(file).stem}](../{file})" for file, name in tests.get(identifier, []))
        lines.append(f"| {identifier} | {text} | {claimed} | {names or '-'} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None, project: Project | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when the page is out of date or a claim is wrong"
    )
    options = parser.parse_args(arguments)
    here = project or Project()
    found = problems(here)
    if options.check:
        if not here.table.exists() or here.table.read_text(encoding="utf-8") != rendered(here):
            found.append("docs/requirements.md is out of date: run `make table`")
    else:
        here.table.write_text(rendered(here), encoding="utf-8")
    for problem in found:
        print(f"requirements: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
