"""Which machine this is: no two that run at once are the same, even if one is a copy of the other."""

import hashlib
from pathlib import Path


def machine(place: str) -> str:
    """From the boot of the kernel, which a copied card has not, and the place of a cursor, which another container on
    the same kernel has not.
    """
    return hashlib.sha256(f"{machine_boot()} {place}".encode()).hexdigest()[:12]


def machine_boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return "unknown"
