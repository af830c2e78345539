"""What an order form offers from the drug library, as JSON data: quantities are text with units."""

from typing import Any

from pumpd.dosing import Library, WeightBasis
from pumpd.dosing.library import Entry
from pumpd.dosing.limits import DoseCap, Limits, shown

_LIMITS = ("default", "hard_min", "soft_min", "soft_max", "hard_max")


def library_data(library: Library) -> dict[str, Any]:
    """Numbers are decimal text, except counts. `maintenance` is a count, or "open-ended" or "as ordered"."""
    manifest = library.manifest
    return {
        "digest": library.digest,
        "version": manifest.version if manifest else None,
        "care_area": manifest.care_area if manifest else None,
        "weight_bases": [basis.value for basis in WeightBasis],
        "containers": [
            {
                "name": each.name,
                "volume_ml": each.volume.number,
                "usable_ml": each.usable.number,
                "syringe": each.diameter is not None,
            }
            for each in library.containers.values()
        ],
        "entries": [_entry(entry) for entry in library.entries.values()],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "name": entry.name,
        "drug": entry.drug,
        "substance": entry.substance.key,
        "concentration_mg_ml": entry.concentration.number,
        "containers": list(entry.containers),
        "double_check": entry.double_check,
        "dose": _limits(entry.dose),
        "duration": _limits(entry.duration),
        "weight": _limits(entry.weight),
        "dose_cap": _cap(entry.dose_cap),
        "profile": [{"time": str(step.time), "dose": str(step.dose)} for step in entry.profile],
        "infusions": entry.course.infusions,
        "maintenance": entry.course.maintenance,
        "order_valid": shown(entry.order_valid),
        "rest": {"within": shown(entry.rest.within), "by_nurse": entry.rest.by_nurse},
    }


def _cap(cap: DoseCap) -> dict[str, str]:
    return {"soft": str(cap.soft), "hard": str(cap.hard)}


def _limits(limits: Limits[Any]) -> dict[str, str]:
    return {name: shown(getattr(limits, name)) for name in _LIMITS if hasattr(limits, name)}
