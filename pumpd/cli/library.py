"""`pumpd library`: what a drug library contains, signing it, and whether this gateway would use it.

The private key belongs to the pharmacy, on a separate machine. A gateway has only the public half.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from pumpd.cli.client import CONFIG, Config, Json, load_settings, refuse, show
from pumpd.cli.signing_key import PrivateFile, show_new
from pumpd.dosing import Library, LibraryError
from pumpd.dosing.seal import Asked, Manifest, objections
from pumpd.journal import JournalError
from pumpd.library.accepted import highest
from pumpd.library.files import default_library, read_library
from pumpd.library.signing import examine, sign_library
from pumpd.trust import SigningError, load_key

app = typer.Typer(
    help="The drug library: sign it, show it, verify it. Not a cleared medical device.", no_args_is_help=True
)

MAKER = "pumpd library key"

Directory = Annotated[Path | None, typer.Argument(help="Directory of the library; this gateway's own without it.")]


@app.command("key")
def make(file: PrivateFile, *, as_json: Json = False) -> None:
    """Make a key that signs libraries, and print the public half for `library_keys`."""
    show_new(file, "pumpd.toml", 'library_keys = {{ pharmacy = "{}" }}'.format, as_json=as_json)


@app.command()
def sign(
    directory: Annotated[Path, typer.Argument(help="Directory of the library.")],
    *,
    key: Annotated[Path, typer.Option("--key", help="Private key, as `pumpd library key` makes it.")],
    version: Annotated[int | None, typer.Option(help="A number or a date; by default one higher than before.")] = None,
    care_area: Annotated[str | None, typer.Option(help="Where it may be used, such as day-clinic.")] = None,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    as_json: Json = False,
) -> None:
    """Sign the library as it is now, after checking all of it. Options that are not given keep their values."""
    try:
        manifest = sign_library(directory, load_key(key, MAKER), name=name, version=version, care_area=care_area)
        library = read_library(directory)
    except LibraryError as error:
        refuse(error.problems, as_json=as_json)
    except SigningError as error:
        refuse([str(error)], as_json=as_json)
    show(_as_json(library), f"Signed: {_line(manifest)}\n{_entries(library)}", as_json=as_json)


@app.command("show")
def show_library(directory: Directory = None, *, as_json: Json = False) -> None:
    """Show a library's own description and its entries. Nothing is verified."""
    try:
        library = read_library(directory or default_library())
    except LibraryError as error:
        refuse(error.problems, as_json=as_json)
    signed = _line(library.manifest) if library.manifest else f"UNSIGNED, {library.digest[:16]}"
    show(_as_json(library), f"{signed}\n{_entries(library)}", as_json=as_json)


@app.command()
def verify(directory: Directory = None, *, config: Config = CONFIG, as_json: Json = False) -> None:
    """Whether this gateway would use the library: signature, key, care area, version. Every reason if not."""
    settings = load_settings(config, as_json=as_json)
    place = directory or settings.library_dir or default_library()
    found = examine(place, settings.library_keys)
    try:
        mark = highest(settings.journal_path) if settings.journal_path.exists() else None
    except JournalError as error:
        refuse([str(error)], as_json=as_json)
    asked = Asked(settings.care_area, settings.simulation.unsigned_library)
    if reasons := objections(found, asked, mark, None):
        refuse(reasons, as_json=as_json)
    signed = found.manifest is not None
    good = f"Good: {_line(found.manifest)}" if found.manifest else "UNSIGNED, which is enough only for simulated pumps"
    show({"ok": True, "digest": found.digest, "signed": signed}, f"{place}: {good}", as_json=as_json)


def _line(manifest: Manifest) -> str:
    return (
        f"{manifest.name}, version {manifest.version}, for {manifest.care_area}, key {manifest.key}, "
        f"digest {manifest.digest[:16]}"
    )


def _entries(library: Library) -> str:
    return "\n".join(
        f"  {entry.id:<24} {entry.drug} {entry.concentration}, {entry.dose.hard_min} to {entry.dose.hard_max}"
        for entry in library.entries.values()
    )


def _as_json(library: Library) -> dict[str, Any]:
    manifest = library.manifest.model_dump() if library.manifest else None
    return {"digest": library.digest, "manifest": manifest, "entries": list(library.entries)}
