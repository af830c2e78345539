"""The audit finds what it is for, and never calls a part passed that it could not carry out (SEC-11)."""

import copy
import json
import tomllib
from pathlib import Path

import pytest

from tools import audit
from tools.audit import FOUND, NOT_CARRIED_OUT, advisories, locked, status_of, yanked

LOCK = tomllib.loads((Path(__file__).parents[2] / "uv.lock").read_text(encoding="utf-8"))
CLEAN = json.dumps({"dependencies": [{"name": "h11", "version": "0.16.0", "vulns": []}], "fixes": []})
KNOWN = json.dumps(
    {"dependencies": [{"name": "h11", "version": "0.14.0", "vulns": [{"id": "CVE-1", "fix_versions": ["0.16.0"]}]}]}
)


@pytest.mark.requirement("SEC-11")
def test_every_package_of_this_repository_is_locked_with_a_hash():
    assert locked(LOCK).findings == []


def broken(change) -> dict:
    lock = copy.deepcopy(LOCK)
    (package,) = (each for each in lock["package"] if each["name"] == "pydantic-core")
    change(package)
    return lock


@pytest.mark.requirement("SEC-11")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda it: it["wheels"][3].pop("hash"), "without a SHA-256"),
        (lambda it: it["wheels"][0].update(hash="md5:0"), "without a SHA-256"),
        (lambda it: it["sdist"].pop("hash"), "without a SHA-256"),
        (lambda it: (it.pop("wheels"), it.pop("sdist")), "without a SHA-256"),
        (lambda it: it.update(source={"git": "https://a.example/b"}), "not come from the package index"),
    ],
)
def test_an_unlocked_or_unhashed_package_is_a_finding(change, said):
    (finding,) = locked(broken(change)).findings
    assert finding.startswith("pydantic-core ")
    assert said in finding


@pytest.mark.requirement("SEC-11")
def test_a_known_vulnerability_is_a_finding_with_the_version_that_repairs_it():
    result = advisories(KNOWN, "")
    assert result.findings == ["h11 0.14.0: CVE-1, fixed in 0.16.0"]
    assert status_of([result], strict=False) == FOUND
    assert str(advisories(CLEAN, "")) == "ok: no known vulnerability"


def test_a_yanked_package_is_a_finding():
    said = "Resolved 1 package\nwarning: `h11==0.1` is yanked (reason: broken)\n"
    assert yanked(0, said).findings == ["warning: `h11==0.1` is yanked (reason: broken)"]
    assert yanked(0, "Would install 30 packages\n").findings == []


@pytest.mark.requirement("SEC-11")
@pytest.mark.parametrize(
    "result",
    [
        advisories("", "Traceback\nConnectionError: no route\n"),
        advisories("", ""),
        advisories('{"dependencies": [{"name": "a", "skip_reason": "not on the index"}]}', ""),
        yanked(2, "error: the index does not answer"),
    ],
    ids=["no network", "silent", "skipped", "no index"],
)
def test_what_could_not_be_carried_out_is_never_passed(result):
    assert str(result).startswith("NOT CARRIED OUT")
    assert "ok" not in str(result).split()
    assert status_of([result], strict=False) == 0
    assert status_of([result], strict=True) == NOT_CARRIED_OUT


def test_a_finding_outweighs_what_was_not_carried_out():
    results = [advisories("", ""), advisories(KNOWN, "")]
    assert status_of(results, strict=False) == status_of(results, strict=True) == FOUND


def test_the_audit_covers_what_each_package_brings(monkeypatch):
    brought = {
        "pumpd": {"core": {"a": "a==1 --hash=sha256:00\n"}, "cli": {"b": "b==2\n"}},
        "pumpd-ward": {"core": {"a": "a==1 --hash=sha256:00\n", "c": "c==3\n"}},
    }
    monkeypatch.setattr(audit, "groups", lambda product: brought[product.name])
    seen = []

    def run(*command):
        name = command[command.index("--requirement") + 1] if "--requirement" in command else command[-1]
        seen.append(Path(name).read_text(encoding="utf-8"))
        return 0, CLEAN, ""

    monkeypatch.setattr(audit, "_run", run)
    monkeypatch.setattr(audit, "uv", lambda: "uv")
    assert [str(each)[:3] for each in audit.audit()] == ["ok:", "ok:", "ok:"]
    assert seen == ["a==1 --hash=sha256:00\nb==2\nc==3\n"] * 2
