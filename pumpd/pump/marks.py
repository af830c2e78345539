"""How a pump shows that it is the configured one and not another of its kind (COM-15).

A port name is no mark: it shows which adapter is used, not which pump is at the end of its cable.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol


class Mark(StrEnum):
    """What a pump reports, or must be addressed by, that no other pump of its kind on the gateway shares."""

    SERIAL = "serial number"
    ADDRESS = "network address"


class Marked(Protocol):
    """The part of a driver family that says how its pumps show which one they are."""

    marks: tuple[Mark, ...]

    def own_address(self, settings: Mapping[str, Any]) -> str | None: ...

    def reports_serial(self, settings: Mapping[str, Any]) -> bool: ...


def mark_of(family: Marked, settings: Mapping[str, Any]) -> Mark | None:
    """The mark by which a pump with these settings proves which one it is; None when it has none.

    A mark counts only if the family says so for these settings: the address that every new pump has is shared by all
    that nobody has set, and some pumps of a family report no serial number.
    """
    for mark in family.marks:
        if family.reports_serial(settings) if mark is Mark.SERIAL else family.own_address(settings) is not None:
            return mark
    return None
