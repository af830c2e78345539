"""Each command of pumpd and pumpsim that a page shows exists, and takes the options that it is given there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from pumpd.cli.main import app as pumpd
from pumpd_simulators.main import app as pumpsim

ROOT = Path(__file__).parents[2]
PAGES = [
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "decisions" not in page.parts),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
]
PROGRAMS = {"pumpd": typer.main.get_command(pumpd), "pumpsim": pumpsim}


def shown(page: Path) -> Iterator[list[str]]:
    """The words of each command: in a block of code, or as a whole in single quotes of code."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    for line in [*lines, *re.findall(r"`(?:sudo )?(pumpd [^`\n]+)`", text)]:
        found = re.match(r"\s*(?:\$ )?(?:sudo (?:-u \w+ )?)?(pumpd|pumpsim) ([a-z-].*)", line)
        if found is None:
            continue
        try:
            yield [found[1], *shlex.split(re.split(r"\s#|[|<>&;]", found[2])[0])]
        except ValueError:  # a quote that is closed on another line
            continue


def wrong(words: list[str]) -> str:
    """What the command does not have; empty if it has everything."""
    command, rest = PROGRAMS[words[0]], words[1:]
    # Not by its class: typer has a click of its own.
    while hasattr(command, "get_command") and (name := next((each for each in rest if each[:1] != "-"), None)):
        found = command.get_command(click.Context(command), name)
        if found is None:
            return f"there is no {name}"
        rest.remove(name)
        command = found
    known = {each for option in command.params for each in (*option.opts, *option.secondary_opts)} | {"--help", "-h"}
    unknown = [each for each in rest if each.startswith("--") and each.partition("=")[0] not in known]
    return f"{command.name} has no {', '.join(unknown)}" if unknown else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_on_a_page_exists_with_its_options(page):
    assert [(" ".join(words), why) for words in shown(page) if (why := wrong(words))] == []


def test_many_commands_are_found_and_a_wrong_one_is_noticed():
    assert sum(1 for page in PAGES for _ in shown(page)) > 100
    assert wrong(["pumpd", "trace", "--pump", "bench"]) == "trace has no --pump"
    assert wrong(["pumpd", "journal", "launch"]) == "there is no launch"
