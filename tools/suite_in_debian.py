"""The test suite under another Debian's Python: `python -m tools.suite_in_debian deb13 [pytest options]`.

It runs in a clean root. The root, and the wheels in uv's own cache, are kept:
only the first run fetches anything. The tests have no network.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.debian_root import DebianRootError, Root, host_architecture, unpack
from tools.package.layout import DEBIANS, ROOT
from tools.package.locked import PackageError, git, run, uv

# As the Makefile installs them on the machine itself, for `make test`.
INCLUDE = (
    "avr-libc", "gcc", "gcc-avr", "git", "iproute2", "libc6-dev", "libelf-dev", "libsimavr-dev", "make", "mosquitto",
    "procps", "python3", "python3-venv", "systemd",
)  # fmt: skip
SOURCES = "/src"
# What a machine may say about its package index.
INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_OFFLINE")


def _copy_sources(into: Path) -> None:
    """What git knows and what is new, as a repository: some tests ask git which files there are."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in listed:
        if name and (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, into / name, follow_symlinks=False)
    shutil.copytree(ROOT / "pumpd/bedside/static", into / "pumpd/bedside/static", dirs_exist_ok=True)


def _trust_as_here(root: Root) -> None:
    """The authorities that this machine trusts: its network may have one of its own."""
    if given := os.environ.get("SSL_CERT_FILE"):
        shutil.copyfile(given, root.path / "etc/ssl/certs/ca-certificates.crt")


def suite(debian: str, folder: Path, options: list[str]) -> int:
    """Run the tests in a root; the exit status is pytest's."""
    wheels = Path(run(uv(), "cache", "dir").strip())
    wheels.mkdir(parents=True, exist_ok=True)
    root = unpack(DEBIANS[debian].suite, host_architecture(), folder, INCLUDE)
    root = Root(root.path, root.architecture, ((wheels, "/var/cache/uv"),))
    _copy_sources(root.path / SOURCES.lstrip("/"))
    _trust_as_here(root)
    shutil.copy(uv(), root.path / "usr/local/bin/uv")
    settings = {name: os.environ[name] for name in INDEX if name in os.environ}
    settings |= {
        "UV_CACHE_DIR": "/var/cache/uv",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_LINK_MODE": "copy",
        "USER": "root",
    }
    settings["SSL_CERT_FILE"] = "/etc/ssl/certs/ca-certificates.crt"
    there = [
        "env",
        *(f"{name}={value}" for name, value in settings.items()),
        "sh",
        "-c",
        f'cd {SOURCES} && exec "$@"',
        "sh",
    ]
    python = f"/usr/bin/python{DEBIANS[debian].python}"
    root.run(*there, "git", "init", "--quiet")
    root.run(*there, "git", "add", "--all")
    root.run(*there, "uv", "sync", "--locked", "--quiet", "--python", python)
    words = [".venv/bin/python", "-m", "pytest", *options]
    return subprocess.run(root.command(*there, *words, network=False), check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.suite_in_debian", description=__doc__)
    parser.add_argument("debian", choices=DEBIANS)
    given, options = parser.parse_known_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the root is removed
    try:
        with tempfile.TemporaryDirectory(prefix="pumpd-suite-") as folder:
            return suite(given.debian, Path(folder) / "root", options)
    except (DebianRootError, PackageError) as error:
        print(f"suite_in_debian: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
