"""A nurse on a tablet, from sign-in to the end of the observation, over the page's API."""

import asyncio
import json

from tests.bedside.tablet import DOCTOR, FORM, PIN, bedsides


async def test_a_whole_infusion_runs_from_the_tablet(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        tablet = here.tablet
        assert (await tablet.get("/api/about"))["result"]["tablet"]["name"] == "ward tablet"
        signed_in = await tablet.sign_in()
        assert signed_in["result"] == {
            "person": {
                "badge": DOCTOR,
                "name": f"Nurse {DOCTOR}",
                "roles": ["view", "confirm", "prescribe", "maintain"],
            },
            "idle_s": 180,
        }
        preview = (await tablet.ask("preview", **FORM))["result"]
        assert (preview["review"]["dose_mg"], preview["review"]["read_back"], preview["soft"]) == ("35", None, [])
        assert preview["course"] is None  # no course was ordered
        assert here.testbed.state() is None  # a preview orders nothing
        assert (await tablet.order())["ok"]
        await here.testbed.until("ready")
        answer = await tablet.confirm()
        assert answer["ok"], answer
        await here.testbed.until("running")
        await asyncio.sleep(600)
        pump = here.feed.state["pumps"][0]
        assert pump["infusion"]["state"] == "running"
        assert pump["course"] is None
        assert len(here.feed.history.curves["bed1"].points) > 250
        await here.testbed.until("completed", within_s=2400)
        accepted = here.bodies("confirmation_accepted")[0]
        assert accepted["by"] == f"Nurse {DOCTOR} (badge {DOCTOR}) on tablet ward tablet ({tablet.id})"
        text = json.dumps([entry.body for entry in here.testbed.entries()])
        assert not any(f'"{pin}' in text for pin in PIN.values())
