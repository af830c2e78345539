"""A plan from a file, completed and compared with what the pumps report about themselves."""

import asyncio
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from pumpd.pump import UnknownFamilyError
from pumpd.setup.identifying import Asked, identified
from pumpd.setup.plan import Plan, PlanError


async def completed(plan: Plan) -> Plan:
    """The plan with the model and serial number of each real pump, as it reports them, where the file has none.

    Raises PlanError for each pump that does not answer, or is another one than the file says.
    """
    config = deepcopy(dict(plan.config))
    pumps = config.get("pump", [])
    if not isinstance(pumps, list):
        return plan  # the settings say what is wrong with it
    real = [
        each
        for each in pumps
        if isinstance(each, dict) and not each.get("simulated") and {"driver", "port"} <= set(each)
        if isinstance(each.get("settings", {}), dict)
    ]
    answers = await asyncio.gather(*(_ask(each) for each in real))
    found: list[str] = []
    for pump, answer in zip(real, answers, strict=True):
        found += _compared(pump, answer)
    if found:
        raise PlanError(found)
    return replace(plan, config=config)


async def _ask(pump: Mapping[str, Any]) -> Asked:
    try:
        return await identified(str(pump["port"]), [str(pump["driver"])], pump.get("settings", {}))
    except UnknownFamilyError as error:
        return Asked(str(pump["port"]), why=[str(error.args[0])])


def _compared(pump: dict[str, Any], answer: Asked) -> list[str]:
    """What is wrong with the pump that answered; nothing wrong: its model and serial number are filled in."""
    name, found = pump.get("name", "?"), answer.found
    if found is None:
        why = "; ".join(answer.why)
        return [f"pump {name}: {pump['port']}: {why}. Connect it and switch it on, or add --no-identify"]
    wrong = []
    for key, reported in (("model", found.model), ("serial", found.serial)):
        if reported and str(pump.setdefault(key, reported)).casefold() != reported.casefold():
            wrong.append(f"pump {name}: {pump['port']}: the pump reports {key} {reported}, the file says {pump[key]}")
    return wrong
