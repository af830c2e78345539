"""Every simulated model as a bed of the testbed, for tests that all of them must pass."""

from typing import Any

from pumpd_simulators.family import families, family
from tests.campaign.world import SETTINGS, identity

MODELS = [(name, model) for name in families() if name != "space-bcc" for model in family(name).models]
BAGS = ("infusomat-fms", "reglo-icc", "base-a", "miva")


def bed(name: str, model: str) -> dict[str, Any]:
    """The testbed's settings for this pump. Call it outside a running loop: it identifies the pump."""
    settings = {"driver": name, "settings": SETTINGS.get(model, {}), "clamp": True, **identity(name, model)}
    return settings | {"simulated": {"name": name, "model": model}}


def container(bed: dict[str, Any]) -> str:
    return "100 mL bag" if bed["simulated"]["model"] in BAGS else "50 mL"
