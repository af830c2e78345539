"""What pumps, their line and the state machine say reaches a tablet as messages, also where one is part of another."""

from tests.control.testbed import open_testbed


def pump(status):
    return status.result["pumps"][0]


async def test_what_a_person_must_do_to_identify_a_pump_and_why_not_two_at_once(tmp_path):
    async with open_testbed(tmp_path, addressed=False, beds=("bed1", "bed2")) as here:
        status = await here.ask(op="status")
        assert status.messages[pump(status)["to_identify"]]["id"] == "identify.go"
        assert (await here.ask(op="identify", pump="bed1", by="nurse-1")).ok
        refused = await here.ask(op="identify", pump="bed2", by="nurse-2")
        later = refused.messages[refused.reasons[0]]
        assert later["id"] == "identify.ask_again"
        assert refused.messages[later["parameters"]["why"]]["id"] == "identify.one_at_a_time"


async def test_why_a_pump_is_not_available_names_what_differs(tmp_path):
    async with open_testbed(tmp_path, model="ne-4000") as here:
        status = await here.ask(op="status")
        problem = status.messages[pump(status)["problem"]]
        assert problem["id"] == "identity.another"
        assert status.messages[problem["parameters"]["reasons"]]["id"] == "identity.model"


async def test_why_an_infusion_ended_and_why_it_takes_no_pause(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await here.until("running")
        assert (await here.ask(op="stop", pump="bed1", by="nurse-1", reason="rash")).ok
        await here.until("stopped")
        status = await here.ask(op="status")
        ended = status.messages[pump(status)["infusion"]["reason"]]
        assert ended["id"] == "infusion.asked_by"
        assert ended["parameters"]["reason"] == "rash"
        refused = await here.ask(op="pause", pump="bed1", by="nurse-1", reason="rash")
        assert refused.messages[refused.reasons[0]] == {"id": "pause.not_running", "parameters": {"state": "stopped"}}
        assert refused.messages["stopped"]["id"] == "state.stopped"


async def test_a_trip_names_its_alarm_and_its_cause(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await here.until("running")
        here.pump.press("rate", "80")
        await here.until("tripped")
        status = await here.ask(op="status")
        trip = status.messages[pump(status)["infusion"]["reason"]]
        assert trip["id"] == "trip.why"
        assert status.messages[trip["parameters"]["code"]]["id"] == "code.program_changed"
        assert status.messages[trip["parameters"]["why"]]["id"] == "trip.rate_changed"
