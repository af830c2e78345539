"""The table of commands: each entry leads to a command, and none is imported before it is used."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from pumpd.cli.main import COMMANDS, app


def modules_after(*arguments: str) -> set[str]:
    """What Python has imported once this command has parsed its options; `--help` ends it there."""
    code = (
        "import sys; from pumpd.cli.main import app\n"
        "try: app()\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    return set(
        subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        ).stderr.split()
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_entry_leads_to_a_command_with_a_text(name):
    root = typer.main.get_command(app)
    command = root.commands[name]
    assert command.name == name
    assert command.get_short_help_str(), "it has no text in `pumpd --help`"


def test_help_lists_every_command_with_its_text_in_the_order_of_the_table():
    said = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    places = [said.index(f"│ {name} ") for name in COMMANDS]
    assert places == sorted(places)
    assert "Stop. Needs no key and no reason" in said
    assert "Everything that happened." in said


def test_a_misspelt_command_is_told_the_nearest():
    result = CliRunner().invoke(app, ["journl"])
    assert result.exit_code == 2
    assert "Did you mean 'journal'?" in result.output


@pytest.mark.parametrize(("words", "place", "expected"), [("pumpd st", 1, "stop"), ("pumpd journal ver", 2, "verify")])
def test_a_shell_completes_commands(words, place, expected):
    environment = {"_PUMPD_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(place)}
    assert expected in CliRunner().invoke(app, [], prog_name="pumpd", env=environment).output.split()


def test_a_command_does_not_import_the_others():
    found = modules_after("journal", "--help")
    assert "pumpd.cli.journal" in found
    assert not {"pumpd.cli.infusion", "pumpd.cli.tls", "pumpd.cli.daemon", "cryptography", "segno"} & found
