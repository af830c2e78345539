"""Which machine this is, for those who may hear of two under one name, such as a copied card."""

import hashlib
from pathlib import Path


def boot_id() -> str:
    """The kernel's name of this start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return "unknown"


def machine(place: str) -> str:
    """Differs between any two machines that run at once, even if one is a copy of the other. `place`: of the cursor."""
    return hashlib.sha256(f"{boot_id()} {place}".encode()).hexdigest()[:12]
