"""Checks of a prescription that need no pump: names that are not in the library, and every hard limit.

Every field that could be read is checked, so that one bad field does not hide errors in the others.
"""

from pumpd.dosing.library import Library
from pumpd.dosing.refusal import Refusal
from pumpd.quantities import DosePerWeight, Duration, Weight
from pumpd.texts import text


def refusals_for(
    library: Library,
    *,
    entry_id: str,
    container: str,
    dose: DosePerWeight | None,
    weight: Weight | None,
    duration: Duration | None,
) -> list[Refusal]:
    """Every refusal; a field that is empty or None was refused before and is skipped."""
    found: list[Refusal | None] = []
    entry = library.entries.get(entry_id)
    if entry_id and entry is None:
        found.append(Refusal("entry", _unknown(entry_id, list(library.entries)), "PRG-10"))
    if container and container not in library.containers:
        found.append(Refusal("container", _unknown(container, list(library.containers)), "PRG-12"))
    elif entry and container and container not in entry.containers:
        found.append(
            Refusal(
                "container",
                text(
                    "library.containers_only",
                    "{entry} may be in {containers} only",
                    entry=entry.id,
                    containers=", ".join(entry.containers),
                ),
                "PRG-12",
            )
        )
    if entry and dose is not None:
        found.append(entry.dose.refusal("dose", dose, "PRG-04"))
    if entry and weight is not None:
        found.append(entry.weight.refusal("weight", weight, "PRG-07"))
    if entry and duration is not None:
        found.append(entry.duration.refusal("duration", duration, "PRG-06"))
    if entry and dose is not None and weight is not None:
        found.append(entry.dose_cap.refusal(dose * weight))
    return [refusal for refusal in found if refusal is not None]


def _unknown(name: str, known: list[str]) -> str:
    return text(
        "library.not_in_it_which_has",
        "{name} is not in the library, which has {known}",
        name=repr(name),
        known=", ".join(known),
    )
