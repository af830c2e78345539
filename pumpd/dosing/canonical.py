"""One text for one value, and its SHA-256: equal values give equal digests, and a change in any field gives a different
one (PRG-20).

A value becomes plain JSON data by walking *all* its fields, so a field that is added later is in the digest
automatically. Quantities are text with their unit, sets of keys are sorted. A field marked `IF_GIVEN` is left out while
it is None: it was added to a format that is signed already, and what was signed without it must keep its digest.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import BaseModel

from pumpd.quantities import Quantity, plain

IF_GIVEN = "in the canonical form only if it is given"


def plain_data(value: object) -> Any:
    """JSON data that holds everything the value does. Raises TypeError for a type that has no canonical form."""
    if isinstance(value, Quantity):
        return str(value)
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, BaseModel):
        return {
            name: plain_data(getattr(value, name))
            for name, field in type(value).model_fields.items()
            if IF_GIVEN not in field.metadata or getattr(value, name) is not None
        }
    if is_dataclass(value):
        return {field.name: plain_data(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain_data(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain_data(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form")


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(plain_data(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of(value: object) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()
