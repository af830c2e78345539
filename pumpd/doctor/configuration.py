"""The configuration, by the rules of `pumpd config check`; and the drug library, by those of a start."""

from collections.abc import Iterator

from pumpd.doctor.facts import Facts
from pumpd.doctor.journal_file import reading
from pumpd.doctor.line import NEEDS_ROOT, Finding, Group, bad, line, not_checked, ok, problem, warning
from pumpd.dosing.seal import Asked, Mark, objections
from pumpd.journal import JournalError
from pumpd.library.accepted import highest_in
from pumpd.library.files import default_library
from pumpd.library.signing import examine
from pumpd.settings import Settings

SET_UP = "Run `sudo pumpd setup`, or name the configuration by --config."
NO_SETTINGS = "the configuration cannot be read"


@line(
    "config.check",
    "Configuration",
    when="`pumpd config check` finds an error (red) or a warning (yellow)",
    to_do="Correct the line that is named, then run `pumpd config check`.",
    outside=True,
)
def _config(facts: Facts) -> Iterator[Finding]:
    if facts.denied:
        yield not_checked(f"{NEEDS_ROOT} for {facts.config}")
        return
    for each in facts.errors:
        yield problem(each, SET_UP if "there is no such file" in each else "")
    for each in facts.warnings:
        yield warning(each, "See the serial ports in docs/how-to/gateway.md, then run `pumpd config check`.")
    if not facts.errors and not facts.warnings and facts.settings is not None:
        pumps = facts.settings.pumps
        simulated = sum(pump.simulated for pump in pumps)
        yield ok(f"{facts.config}: no errors; pumps: {len(pumps)}, simulated: {simulated}")
    if facts.settings is not None and not facts.settings.pumps:
        yield warning("no pump is configured", "Add a `[[pump]]` section, or run `pumpd setup`.")


@line(
    "config.signature",
    "Configuration's signature",
    when="this gateway trusts a key for it (`trust/config.pub`), and none has signed exactly these files: nothing is "
    "started then",
    to_do="Restore the signed files, or have the present ones signed: `pumpd config sign`.",
    outside=True,
)
def _signature(facts: Facts) -> Iterator[Finding]:
    if facts.settings is None:
        yield not_checked(NO_SETTINGS)
        return
    for each in facts.seal.problems:
        yield bad(facts, each.removeprefix("configuration: "))
    if not facts.seal.problems and facts.seal.key:
        yield ok(f"signed with the key {facts.seal.key}")
    elif not facts.seal.problems:
        yield ok("not signed, and no key is trusted for it")


@line(
    "library.signed",
    "Drug library",
    when="it is not signed by a configured key, is for another care area, older than one that was in use, or damaged: "
    "nothing is started with it",
    to_do="Have it signed by the pharmacy and install all its files again (docs/how-to/sign-the-library.md).",
    outside=True,
)
def _library(facts: Facts) -> Iterator[Finding]:
    settings = facts.settings
    if settings is None:
        yield not_checked(NO_SETTINGS)
        return
    place = facts.machine.at(settings.library_dir or default_library())
    facts.machine.must_read(place)
    found = examine(place, settings.library_keys)
    asked = Asked(settings.care_area, settings.simulation.unsigned_library)
    reasons = objections(found, asked, _mark(facts, settings), None)
    for each in reasons:
        yield bad(facts, each.removeprefix("library: ").removesuffix(" (PRG-19)"))
    if not reasons and found.manifest is not None:
        manifest = found.manifest
        yield ok(f"{manifest.name}, version {manifest.version}, for {manifest.care_area}, key {manifest.key}")
    elif not reasons:
        yield ok("unsigned, which is enough for simulated pumps only")


def _mark(facts: Facts, settings: Settings) -> Mark | None:
    """The highest version accepted here, where the journal can be read: a line of its own says so if it cannot."""
    try:
        with reading(facts, settings) as reader:
            return None if reader is None else highest_in(reader)
    except (JournalError, PermissionError):
        return None


@line(
    "library.keys",
    "Library keys",
    when="no key may sign a library, so nothing can be started on a real pump",
    to_do="Put the pharmacy's public key into `library_keys`, and the care area into `care_area`.",
    outside=True,
)
def _keys(facts: Facts) -> Iterator[Finding]:
    if facts.settings is None:
        yield not_checked(NO_SETTINGS)
    elif facts.settings.library_keys:
        yield ok(f"{', '.join(facts.settings.library_keys)}; care area {facts.settings.care_area}")
    elif facts.settings.simulation.unsigned_library:
        yield ok("none, and an unsigned library is enough for simulated pumps")
    else:
        yield bad(facts, "none is configured")


GROUP = Group("Configuration", (_config, _signature, _library, _keys))
