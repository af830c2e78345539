"""Manual pages and shell completion, from the commands themselves: man(7) for man-db, and typer's own completion."""

import argparse
from collections.abc import Iterator
from typing import Any

import typer
from typer._completion_shared import get_completion_script

from pumpd.cli.main import STATEMENT
from pumpd.cli.main import app as pumpd_app
from pumpd_simulators.main import app as pumpsim_app
from pumpd_ward.__main__ import parser as ward_parser
from tools.package.layout import GATEWAY, Product

# Where each shell looks for completion of a command.
COMPLETION = {
    "bash": "usr/share/bash-completion/completions/pumpd",
    "zsh": "usr/share/zsh/vendor-completions/_pumpd",
    "fish": "usr/share/fish/vendor_completions.d/pumpd.fish",
}
SEE_ALSO = "Documentation: /usr/share/doc/pumpd/docs/README.md. Exit codes: docs/reference/exit-codes.md there."


def escaped(text: str) -> str:
    """Text that groff does not take for its own commands."""
    lines = text.replace("\\", r"\e").replace("-", r"\-").splitlines()
    return "\n".join(r"\&" + line if line.startswith((".", "'")) else line for line in lines)


def manual(name: str, command: Any, version: str, *, alone: bool = False) -> str:
    """The page of one command, of click's or of typer's click. `alone`: each command below it has a page of its own."""
    context = command.context_class(command, info_name=name.replace("-", " ", 1))
    return "\n".join(
        [
            f'.TH {name.upper()} 1 "" "pumpd {version}" "pumpd"',
            ".SH NAME",
            f"{escaped(name)} \\- {escaped(_summary(command))}",
            ".SH SYNOPSIS",
            f".B {escaped(context.command_path)}",
            escaped(" ".join(command.collect_usage_pieces(context))),
            ".SH DESCRIPTION",
            escaped((command.help or STATEMENT).strip()),
            *_options(command, context),
            *(_named(command, context) if alone else _below(command, context)),
            ".SH SEE ALSO",
            escaped(SEE_ALSO),
            ".PP",
            escaped(STATEMENT),
            "",
        ]
    )


def _options(command: Any, context: Any) -> Iterator[str]:
    records = [each for param in command.get_params(context) if (each := param.get_help_record(context))]
    if records:
        yield ".SH OPTIONS"
    yield from _described(records)


def _described(records: list[tuple[str, str]]) -> Iterator[str]:
    for left, right in records:
        yield from (".TP", f".B {escaped(left)}", escaped(" ".join(right.split())) or "-")


def _below(command: Any, context: Any) -> Iterator[str]:
    """Each command of a group, with its options."""
    for name, each in _commands(command, context):
        inner = each.context_class(each, info_name=name, parent=context)
        yield f".SH COMMAND {escaped(name.upper())}"
        yield f".B {escaped(inner.command_path)}"
        yield escaped(" ".join(each.collect_usage_pieces(inner)))
        yield from (".PP", escaped((each.help or "").strip()))
        yield from _described([it for param in each.get_params(inner) if (it := param.get_help_record(inner))])


def _named(command: Any, context: Any) -> Iterator[str]:
    yield ".SH COMMANDS"
    for name, each in _commands(command, context):
        yield from (".TP", f".BR {context.command_path}\\-{escaped(name)} (1)", escaped(_summary(each)))


def _summary(command: Any) -> str:
    lines: list[str] = (command.help or STATEMENT).strip().splitlines()
    return lines[0].rstrip(".")


def _commands(command: Any, context: Any) -> list[tuple[str, Any]]:
    if not hasattr(command, "list_commands"):
        return []
    found = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [(name, each) for name, each in found if not each.hidden]


def of(product: Product, version: str) -> dict[str, str]:
    """Every page of a package, by its name."""
    return pages(version) if product is GATEWAY else {"pumpd-ward": of_the_ward(version)}


def pages(version: str) -> dict[str, str]:
    """Every page, by its name: one for pumpd, one for each of its commands, one for pumpsim."""
    pumpd = typer.main.get_command(pumpd_app)
    context: Any = pumpd.context_class(pumpd, info_name="pumpd")
    found = {"pumpd": manual("pumpd", pumpd, version, alone=True), "pumpsim": manual("pumpsim", pumpsim_app, version)}
    for name, command in _commands(pumpd, context):
        found[f"pumpd-{name}"] = manual(f"pumpd-{name}", command, version)
    return found


def of_the_ward(version: str) -> str:
    """Its help, as argparse lays it out: the program's, then that of each command."""
    parser = ward_parser()
    commands = next(each for each in parser._actions if isinstance(each, argparse._SubParsersAction))  # noqa: SLF001 - argparse has no public list of them
    shown = [parser.format_help(), *(each.format_help() for each in commands.choices.values())]
    return "\n".join(
        [
            f'.TH PUMPD-WARD 1 "" "pumpd-ward {version}" "pumpd-ward"',
            ".SH NAME",
            "pumpd\\-ward \\- many gateways at a glance; it reads only",
            ".SH DESCRIPTION",
            ".nf",
            *(escaped(each) for each in shown),
            ".fi",
            ".SH SEE ALSO",
            escaped("Documentation: /usr/share/doc/pumpd-ward/docs/how-to/ward.md"),
            "",
        ]
    )


def completion(shell: str) -> str:
    """The script that lets a shell complete `pumpd`."""
    return get_completion_script(prog_name="pumpd", complete_var="_PUMPD_COMPLETE", shell=shell) + "\n"
