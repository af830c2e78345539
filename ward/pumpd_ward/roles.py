"""What a person may see."""

from enum import StrEnum


class Role(StrEnum):
    NURSE = "nurse"
    """Beds, trends and alarms."""
    ENGINEER = "engineer"
    """Everything: also the health of the gateways, the journals and the exports."""
