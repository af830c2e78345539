"""The journal records who overrode a limit, tried to exceed one or scanned a wrong wristband, and why (AUD-08)."""

import asyncio

import pytest
from pydantic import ValidationError

from pumpd.messages.requests import REQUEST
from tests.control.testbed import open_testbed

pytestmark = pytest.mark.requirement("AUD-08")


def last(here, kind):
    return [entry for entry in here.entries() if entry.kind == kind][-1].fields


async def test_an_attempt_at_a_hard_limit_names_who_ordered_and_every_reason(tmp_path):
    async with open_testbed(tmp_path) as here:
        answer = await here.order(dose="5 mg/kg", ordered_by="dr-b")
        assert not answer.ok
        entry = last(here, "order_refused")
        assert entry["by"] == "dr-b"
        assert entry["peer"] == "test"
        assert entry["reasons"] == list(answer.reasons)


@pytest.mark.parametrize("reason", ["", "  ", "ab", "a "])
async def test_an_override_needs_a_reason_and_the_order_records_who_gave_it(tmp_path, reason):
    async with open_testbed(tmp_path) as here:
        refused = await here.order(dose="0.8 mg/kg", weight="60 kg", weight_again="60 kg")
        assert not refused.ok
        soft = [each.split(":")[1].split()[0] for each in refused.reasons if each.startswith("override:")]
        assert len(soft) == len(refused.reasons), refused.reasons
        fields = {"dose": "0.8 mg/kg", "weight": "60 kg", "weight_again": "60 kg"}
        assert not (await here.order(**fields, overrides=dict.fromkeys(soft, reason))).ok
        assert last(here, "order_refused")["by"] == "dr-a"
        assert (await here.order(**fields, overrides=dict.fromkeys(soft, "seen by the consultant"))).ok
        await asyncio.sleep(1)
        order = last(here, "began")["order"]
        assert order["ordered_by"] == "dr-a"
        assert order["overrides"] == dict.fromkeys(soft, "seen by the consultant")


def test_only_a_named_person_ends_a_doubt():
    reported = {"op": "reconcile", "pump": "bed1", "volume": "3 mL", "reason": "read it", "seen_stopped": True}
    assert REQUEST.validate_python(reported | {"by": "nurse-1"}).by == "nurse-1"
    with pytest.raises(ValidationError, match="by"):
        REQUEST.validate_python(reported)
