"""The drug library on the disk: where it is, and reading it. What it means is `pumpd.dosing.library`'s business."""

from pathlib import Path

from pumpd.dosing.library import Library, LibraryError, load

SITE = Path("/etc/pumpd/library")
SHIPPED = Path(__file__).parent / "library"  # in an installed distribution
CHECKOUT = Path(__file__).parent.parent / "config" / "library"


def default_library() -> Path:
    """The site's library when there is one, else the shipped one. Raises LibraryError when there is neither."""
    for place in (SITE, SHIPPED, CHECKOUT):
        if place.is_dir():
            return place
    raise LibraryError([f"{SITE}: no drug library is installed"])


def read_library(directory: Path) -> Library:
    """Read every *.toml file of the directory. Raises LibraryError that names the files and keys."""
    files: dict[str, str] = {}
    problems: list[str] = []
    if not directory.is_dir():
        raise LibraryError([f"{directory}: is not a directory"])
    for path in sorted(directory.glob("*.toml")):
        try:
            files[path.name] = path.read_text(encoding="utf-8")
        except OSError as error:
            problems.append(f"{path}: cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            problems.append(f"{path}: is not UTF-8 text")
    if problems:
        raise LibraryError(problems)
    return load(files)
