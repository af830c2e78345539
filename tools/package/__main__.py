"""`python -m tools.package [--debian deb13] [--arch amd64]`: build the packages into dist/. See decision 31."""

import argparse
import itertools
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.package import deb, layout, tree
from tools.package.layout import ROOT, Debian, Product
from tools.package.locked import PackageError, git, groups, own_wheels


def epoch() -> int:
    """The time in every file of the package: $SOURCE_DATE_EPOCH, or that of the commit."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct"))


def build(product: Product, names: list[str], architectures: list[str], into: Path) -> list[Path]:
    """Build a package for each Debian and architecture into a folder."""
    into.mkdir(parents=True, exist_ok=True)
    when = epoch()
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as folder:
        wheels = own_wheels(product, Path(folder) / "wheels", when)
        listed = groups(product)

        def one(debian: Debian, architecture: str) -> Path:
            began = time.monotonic()
            staged = Path(folder) / f"{debian.name}-{architecture}" / "tree"
            tree.build(product, staged, wheels, listed, debian, architecture)
            tree.settle(staged, when)
            bill = f"{product.name}_{deb.version(product, debian)}_{architecture}.cdx.json"
            shutil.copy(staged / product.sbom, into / bill)
            package = deb.pack(product, staged, into, debian, architecture, when)
            size = package.stat().st_size / 1e6
            print(f"{package.name}: {size:.1f} MB, {time.monotonic() - began:.0f} s")
            return package

        # A thread for each core: other programs do nearly all of the work.
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            wanted = itertools.product((layout.DEBIANS[name] for name in names), architectures)
            return list(threads.map(lambda each: one(*each), wanted))


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.package", description="Build the Debian packages of pumpd.")
    parser.add_argument("--package", choices=layout.PRODUCTS, action="append", help="all of them without it")
    parser.add_argument("--debian", choices=layout.DEBIANS, action="append", help="all of them without it")
    parser.add_argument("--arch", choices=layout.ARCHITECTURES, action="append", help="all of them without it")
    parser.add_argument("--into", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    try:
        for name in options.package or layout.PRODUCTS:
            debians, architectures = options.debian or [*layout.DEBIANS], options.arch or [*layout.ARCHITECTURES]
            build(layout.PRODUCTS[name], debians, architectures, options.into)
    except PackageError as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
