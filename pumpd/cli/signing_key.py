"""The key that signs a library or a configuration: made here, kept off every gateway."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from pumpd.cli.outcome import refuse, show
from pumpd.trust import SigningError, key_id, make_key, public_text

PrivateFile = Annotated[Path, typer.Argument(help="File for the private half; readable only by its owner.")]


def show_new(file: Path, goes_into: str, line: Callable[[str], str], *, as_json: bool) -> None:
    """Make a key; `line` gives what is to be written into the file `goes_into` on a gateway for its public half."""
    try:
        public = public_text(make_key(file).public_key())
    except SigningError as error:
        refuse([str(error)], as_json=as_json)
    found = {"key": key_id(public), "public": public, "file": str(file)}
    text = f"Key {found['key']}; its private half is in {file}; keep it off every gateway. In {goes_into}:\n\n"
    show(found, text + line(public), as_json=as_json)
