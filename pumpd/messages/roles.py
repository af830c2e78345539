"""The roles of paired keys and of people."""

from enum import StrEnum


class Role(StrEnum):
    """What a key or a person may do. No role contains another: each key and each person has a set of them."""

    VIEW = "view"
    CONFIRM = "confirm"
    PRESCRIBE = "prescribe"
    MAINTAIN = "maintain"


TABLET_ROLES = (Role.VIEW, Role.CONFIRM, Role.PRESCRIBE)  # of a new tablet, unless others are given
