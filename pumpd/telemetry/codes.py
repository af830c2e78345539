"""The codes and names of IEEE 11073-10101 and IHE PCD that pumpd knows, each with where it comes from.

A code is sent only when two independent public sources agree on it (AUD-07): public lists contradict each other, and
a wrong code is worse than none. The others are here so that nobody adds them from memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

TF = "IHE PCD Technical Framework, volume 3, revision 8.0 (23 October 2018)"
IPEC = "IHE PCD supplement Infusion Pump Event Communication, revision 1.5 (25 November 2015)"
LISTS = "public code lists"


@dataclass(frozen=True, slots=True)
class Code:
    """`number` None: the name is known, and no number that two sources agree on. `sources`: how many agree."""

    name: str
    number: int | None
    sources: int
    where: str

    @property
    def verified(self) -> bool:
        return self.number is not None and self.sources >= 2

    def sent(self) -> dict[str, str | int]:
        """What may be published of it."""
        return {"name": self.name} | ({"code": self.number} if self.verified and self.number is not None else {})


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit. Its name in the nomenclature was not verified, so only its number is sent."""

    symbol: str
    number: int
    where: str


TABLE: tuple[Code, ...] = (
    Code("MDC_DEV_PUMP_INFUS_MDS", 69985, 2, f"{TF}; {LISTS}"),
    Code("MDC_DEV_PUMP_INFUS_VMD", 69986, 2, f"{TF}; {LISTS}"),
    Code("MDC_FLOW_FLUID_PUMP", 157784, 2, f"{TF}; {LISTS}. One project publishes 157985, which is wrong"),
    Code("MDC_VOL_FLUID_TBI_REMAIN", 157872, 2, f"{TF}; {LISTS}"),
    Code("MDC_RATE_DOSE", 157924, 2, LISTS),
    Code("MDC_EVT_PUMP_DELIV_START", 197288, 2, f"number: {LISTS}; name: {IPEC}"),
    Code("MDC_EVT_PUMP_DELIV_COMP", 197292, 2, f"number: {LISTS}; name: {IPEC}"),
    Code("MDC_EVT_PUMP_DELIV_STOP", None, 1, f"name: {IPEC}; no list gives its number"),
    Code("MDC_VOL_FLUID_TBI", 157884, 1, LISTS),
    Code("MDC_VOL_FLUID_DELIV", 157864, 1, LISTS),
    Code("MDC_CONC_DRUG", 157760, 1, LISTS),
)
ML = Unit("mL", 263762, TF)
ML_H = Unit("mL/h", 265266, TF)

_BY_NAME: Mapping[str, Code] = MappingProxyType({code.name: code for code in TABLE})
EVENTS: Mapping[str, Code] = MappingProxyType(
    {event: _BY_NAME[f"MDC_EVT_PUMP_DELIV_{event}"] for event in ("START", "STOP", "COMP")}
)
"""By IPEC's short name of a delivery event."""
FIELDS: Mapping[str, tuple[Code, Unit]] = MappingProxyType(
    {
        "rate_ml_h": (_BY_NAME["MDC_FLOW_FLUID_PUMP"], ML_H),
        "volume_remaining_ml": (_BY_NAME["MDC_VOL_FLUID_TBI_REMAIN"], ML),
    }
)
"""By the field of a reading that has this meaning."""


def of_fields() -> dict[str, dict[str, str | int]]:
    """What the fields of a reading are, for the description of a gateway: verified codes only."""
    return {field: code.sent() | {"unit": unit.number} for field, (code, unit) in FIELDS.items() if code.verified}
