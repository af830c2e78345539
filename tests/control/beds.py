"""Every simulated model as a bed of the testbed, for tests that all of them must pass."""

from typing import Any

from pumpd_simulators.family import families, family
from tests.campaign.world import SETTINGS, identity

# A rack that is only read; a twin that is only stopped; a PHD 2000 on which somebody first has to press keys; an OEM
# pump that no driver knows.
NOT_PROGRAMMED = ("space", "model-33", "phd-2000-as-22", "microliter-oem")
MODELS = [(name, model) for name in families() for model in family(name).models if model not in NOT_PROGRAMMED]
BAGS = ("infusomat-fms", "reglo-icc", "miva")
OPTIONS = {"poseidon": {"diameter_mm": 29.2}}  # the syringe in a pump that is not told which: the 50 mL one


def bed(name: str, model: str) -> dict[str, Any]:
    """The testbed's settings for this pump. Call it outside a running loop: it identifies the pump."""
    settings = {"driver": name, "settings": SETTINGS.get(model, {}), "clamp": True, **identity(name, model)}
    return settings | {"simulated": {"name": name, "model": model, "options": OPTIONS.get(name, {})}}


def container(bed: dict[str, Any]) -> str:
    return "100 mL bag" if bed["simulated"]["model"] in BAGS else "50 mL"
