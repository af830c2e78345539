"""The drug library on disk: where it is, and how it is read. `pumpd.dosing.library` interprets it."""

from collections.abc import Mapping
from pathlib import Path

from pumpd.dosing.library import Library, load
from pumpd.dosing.library_text import LibraryError
from pumpd.dosing.seal import SIGNATURE_FILE
from pumpd.host.files import SITE_LIBRARY
from pumpd.regular_file import content

SHIPPED = Path(__file__).parent / "shipped"  # in an installed distribution
CHECKOUT = Path(__file__).parents[2] / "config" / "library"


def default_library() -> Path:
    """The site's library if there is one, otherwise the shipped one."""
    return next((place for place in (SITE_LIBRARY, SHIPPED, CHECKOUT) if place.is_dir()), SITE_LIBRARY)


def read_library(directory: Path) -> Library:
    """Read every *.toml file of the directory. Raises LibraryError that names the files and keys."""
    return library_of(read_files(directory))


def read_files(directory: Path) -> dict[str, bytes]:
    """The bytes of every *.toml file and of the signature, by name. Raises LibraryError that names the files."""
    if not directory.is_dir():
        raise LibraryError([f"{directory}: is not a directory"])
    files: dict[str, bytes] = {}
    problems: list[str] = []
    signature = directory / SIGNATURE_FILE
    for path in sorted([*directory.glob("*.toml"), *([signature] if signature.exists() else [])]):
        try:
            raw = files[path.name] = content(path)
            if path != signature:
                raw.decode()
        except OSError as error:
            problems.append(f"{path}: cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            problems.append(f"{path}: is not UTF-8 text")
    if problems:
        raise LibraryError(problems)
    return files


def library_of(files: Mapping[str, bytes]) -> Library:
    """The library in these files. Raises LibraryError that names the files and keys."""
    return load({name: raw.decode() for name, raw in files.items() if name != SIGNATURE_FILE})
