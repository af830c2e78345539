"""Every message of pumpd, from the source: `text("id", "English template", …)` and `partial(text, "id", "template")`.

Printed as pumpd/known_texts.json, by which text from the journal is known again. Stops with what is wrong: an id with
two templates, a template that is not written where it is used, holes that are not its parameters.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.printed import ROOT, write_or_check

SOURCES = ("pumpd", "drivers")
FILE = ROOT / "pumpd" / "known_texts.json"
GERMAN = ROOT / "pumpd/bedside/reasons"
HOLE = re.compile(r"\{(\w+)\}")
ID = re.compile(r"[a-z_]+(\.[a-z0-9_]+)+")


def messages() -> tuple[dict[str, str], list[str]]:
    """The template of each id, in the order of the ids, and what is wrong in the source."""
    found: dict[str, str] = {}
    wrong: list[str] = []
    for path in sorted(each for source in SOURCES for each in (ROOT / source).rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        for call in _calls(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.relative_to(ROOT)}:{call.lineno}"
            read = _read(call)
            if isinstance(read, str):
                wrong.append(f"{where}: {read}")
                continue
            name, template = read
            if found.setdefault(name, template) != template:
                wrong.append(f"{where}: {name} has another template elsewhere")
    return dict(sorted(found.items())), wrong


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    if not any(_takes_text(node) for node in ast.walk(tree)):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (_is_text(node.func) or _is_partial(node)):
            yield node


def _takes_text(node: ast.AST) -> bool:
    """An import of `text`, or its definition: elsewhere something else may be called so."""
    if isinstance(node, ast.FunctionDef):
        return node.name == "text" and [each.arg for each in node.args.posonlyargs] == ["message", "template"]
    if not isinstance(node, ast.ImportFrom):
        return False
    wanted = {"pumpd.texts": "text", "pumpd.driving": "text", "pumpd": "texts"}.get(node.module or "")
    return any(each.name == wanted for each in node.names)


def _is_text(called: ast.expr) -> bool:
    """`text(…)`, or `texts.text(…)` where a variable is called text."""
    if isinstance(called, ast.Attribute):
        return called.attr == "text" and isinstance(called.value, ast.Name) and called.value.id == "texts"
    return isinstance(called, ast.Name) and called.id == "text"


def _is_partial(call: ast.Call) -> bool:
    called = call.func
    return isinstance(called, ast.Name) and called.id == "partial" and bool(call.args) and _is_text(call.args[0])


def _read(call: ast.Call) -> tuple[str, str] | str:
    """Id and template; or what is wrong."""
    later = _is_partial(call)  # its parameters are given when it is called
    written = [each.value for each in call.args[later:] if isinstance(each, ast.Constant)]
    if len(written) != 2 or not all(isinstance(each, str) for each in written):
        return "a message has its id and its template written where it is made"
    name, template = map(str, written)
    if not ID.fullmatch(name):
        return f"{name!r} is not of the form area.what"
    holes, given = set(HOLE.findall(template)), {each.arg for each in call.keywords}
    if not later and holes != given:
        return f"{name} has the holes {sorted(holes)} and the parameters {sorted(map(str, given))}"
    if HOLE.fullmatch(template):
        return f"{name} is only a hole"
    return name, template


def german() -> dict[str, str]:
    """The German template of each id, as bedside fills it in (pumpd/bedside/translated.py)."""
    return {name: text for path in sorted(GERMAN.glob("de*.json")) for name, text in _read_json(path).items()}


def _read_json(path: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def main() -> int:
    found, wrong = messages()
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    return write_or_check(FILE, json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
