"""`make audit`: known vulnerabilities of what the packages bring, and whether all of it is locked (SEC-11).

It ends with 1 on a finding: a known vulnerability, a package without a hash, one from outside the index, a yanked one.
A part that could not be carried out is reported as NOT CARRIED OUT, never as passed; with `--strict` it ends with 3.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.package.layout import PRODUCTS, ROOT
from tools.package.locked import PackageError, groups, uv

FOUND, NOT_CARRIED_OUT = 1, 3
WITHIN_S = 300
_PIP_AUDIT = ("run", "--isolated", "--locked", "--quiet", "--only-group", "audit", "pip-audit")


@dataclass(slots=True)
class Result:
    """One part of the audit. `missing`: why it could not be carried out; then it has no findings."""

    what: str
    findings: list[str] = field(default_factory=list)
    missing: str = ""

    def __str__(self) -> str:
        if self.missing:
            return f"NOT CARRIED OUT: {self.what}: {self.missing}"
        return "\n".join(f"FOUND: {each}" for each in self.findings) or f"ok: {self.what}"


def locked(lock: dict[str, Any]) -> Result:
    """Whether each package of uv.lock comes from the index, and each of its files has a hash."""
    result = Result("every package is locked with a hash")
    for package in lock["package"]:
        name, source = f"{package['name']} {package.get('version', '')}".strip(), package["source"]
        if "editable" in source or "virtual" in source:
            continue  # this repository's own
        if "registry" not in source:
            result.findings.append(f"{name} does not come from the package index: {source}")
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        if not files or any(not str(each.get("hash", "")).startswith("sha256:") for each in files):
            result.findings.append(f"{name} has a file without a SHA-256")
    return result


def yanked(status: int, said: str) -> Result:
    """What uv says when it would install the packages: it warns of each yanked one."""
    result = Result("no package is yanked")
    if status:
        result.missing = said.strip()[-300:] or f"uv ended with {status}"
    else:
        result.findings = [line.strip() for line in said.splitlines() if "yanked" in line]
    return result


def advisories(out: str, said: str) -> Result:
    """The report of pip-audit. Without one, its data was out of reach."""
    result = Result("no known vulnerability")
    try:
        report = json.loads(out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = [line for line in said.splitlines() if line.strip()] or ["it gave no report"]
        result.missing = f"pip-audit reached no advisory data here: {lines[-1].strip()[:300]}"
        return result
    skipped = [f"{each['name']} ({each['skip_reason']})" for each in report if "skip_reason" in each]
    if skipped:
        result.missing = f"{len(skipped)} of {len(report)} packages have no advisory data here, such as {skipped[0]}"
    for each in report:
        for one in each.get("vulns", []):
            repaired = ", ".join(one["fix_versions"]) or "no version yet"
            result.findings.append(f"{each['name']} {each['version']}: {one['id']}, fixed in {repaired}")
    if result.findings:
        result.missing = ""  # a finding is one, whatever else was skipped
    return result


def status_of(results: Sequence[Result], *, strict: bool) -> int:
    if any(each.findings for each in results):
        return FOUND
    return NOT_CARRIED_OUT if strict and any(each.missing for each in results) else 0


def _run(*command: str) -> tuple[int, str, str]:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=WITHIN_S)
    except subprocess.TimeoutExpired:
        return 124, "", f"no answer within {WITHIN_S} s"
    return done.returncode, done.stdout, done.stderr


def audit() -> list[Result]:
    """Every part, over what the packages bring."""
    with (ROOT / "uv.lock").open("rb") as file:
        results = [locked(tomllib.load(file))]
    texts = {
        name: text
        for product in PRODUCTS.values()
        for group in groups(product).values()
        for name, text in group.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        # Markers name Windows and other Pythons; pip-audit would leave those out as unknown.
        listed.write_text("".join(text for text in texts.values() if not re.search(r"win32", text)), encoding="utf-8")
        what = ["--dry-run", "--no-deps", "--require-hashes", "--target", folder, "--requirements", str(listed)]
        status, _, said = _run(uv(), "pip", "install", *what)
        results.append(yanked(status, said))
        options = ["--disable-pip", "--no-deps", "--format", "json", "--progress-spinner", "off", "--timeout", "20"]
        _, out, said = _run(uv(), *_PIP_AUDIT, *options, "--requirement", str(listed))
        results.append(advisories(out, said))
    return results


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.audit", description="Audit the locked packages.")
    parser.add_argument("--strict", action="store_true", help="end with 3 when a part could not be carried out")
    options = parser.parse_args()
    try:
        results = audit()
    except PackageError as error:
        print(f"audit: {error}", file=sys.stderr)
        return NOT_CARRIED_OUT
    for each in results:
        print(f"audit: {each}")
    return status_of(results, strict=options.strict)


if __name__ == "__main__":
    sys.exit(main())
