"""What the page repeats of the gateway's rules, so that a person need not wait for a refusal, is the same there."""

from functools import cache
from itertools import accumulate
from typing import Any, get_args

import pytest

from pumpd.control.alarms import board, burst, service
from pumpd.control.self_test import service as self_test
from pumpd.control.tablets.register import LONGEST_NAME
from pumpd.dosing.course_plan import SCALES, WEEKDAYS
from pumpd.dosing.reason import LEAST_LETTERS, is_reason
from pumpd.infusion import State
from pumpd.infusion.limits import Limits
from pumpd.messages import pairing, signing, tablet
from pumpd.messages.message import Text
from pumpd.messages.requests import PRESSED, Prescribed
from pumpd.pump import Priority, PumpState
from pumpd.quantities import NS_PER_S
from tests.bedside.page_modules import printed

PRINT = """
import * as limits from "./src/state/limits.ts";
import { SCALES } from "./src/state/assessment.ts";
import { NEEDED, OPTIONAL } from "./src/state/draft.ts";
import { VITAL_FIELDS } from "./src/state/signs.ts";
import { WEEKDAYS } from "./src/state/treatments.ts";
import { burst, FLASH_HZ } from "./src/alarm/pattern.ts";
import { ended, STATE } from "./src/words/terms.ts";
import { LABEL } from "./src/wire/pairing.ts";
import { CONFIRMATION, REQUEST } from "./src/wire/requests.ts";
import { PRESSED } from "./src/wire/stop.ts";
import { PUMP_STATE } from "./src/words/texts/beds.ts";
import { PART } from "./src/words/texts/review.ts";
const priorities = ["high", "medium", "low"];
console.log(JSON.stringify({
  limits, SCALES, NEEDED, OPTIONAL, VITAL_FIELDS, WEEKDAYS, FLASH_HZ, LABEL, CONFIRMATION, REQUEST, PRESSED,
  bursts: Object.fromEntries(priorities.map((each) => [each, burst(each)])),
  states: Object.keys(STATE),
  pumpStates: Object.keys(PUMP_STATE),
  parts: Object.keys(PART),
  ended: Object.keys(STATE).filter((state) => ended({ state })),
  reasons: ["", "ab", " ab ", "abc"].filter(limits.isReason),
}));
"""


@cache
def page() -> dict[str, Any]:
    return printed(PRINT)


def seconds(ns: int) -> int:
    whole, rest = divmod(ns, NS_PER_S)
    assert rest == 0
    return whole


def test_every_limit_of_the_page_is_the_gateway_s():
    limits, most = Limits(), get_args(Text)[1].max_length
    assert page()["limits"] == {
        "LEAST_REASON": LEAST_LETTERS,
        "LONGEST_TEXT": most,
        "LONGEST_NAME": LONGEST_NAME,
        "CONFIRMATION_S": seconds(limits.confirmation_ns),
        "STOP_ALARM_S": seconds(limits.stop_alarm_ns),
        "PAUSE_NOTICE_S": seconds(limits.pause_notice_ns),
        "AUDIO_PAUSE_S": seconds(board.AUDIO_PAUSE_NS),
        "TABLET_LOST_S": seconds(service.TABLET_LOST_NS),
        "TABLET_GONE_S": seconds(service.TABLET_GONE_NS),
    }


@pytest.mark.requirement("AUD-08")
def test_what_the_page_takes_for_a_reason_the_gateway_takes_too():
    assert page()["reasons"] == [each for each in ("", "ab", " ab ", "abc") if is_reason(each)] == ["abc"]


@pytest.mark.requirement("ALM-03", "ALM-07")
@pytest.mark.parametrize("priority", Priority)
def test_an_alarm_has_the_same_rhythm_on_a_tablet_and_at_the_gateway(priority):
    *played, (_, rest_ms) = burst.burst(priority)
    begins = [0, *accumulate(ms for _, ms in played)]
    there = page()["bursts"][priority.name.lower()]
    assert there["intervalMs"] == rest_ms
    assert [(each["startMs"], each["lengthMs"]) for each in there["pulses"]] == [
        (begin, ms) for begin, (on, ms) in zip(begins, played, strict=False) if on
    ]


@pytest.mark.requirement("ALM-02")
@pytest.mark.parametrize("priority", Priority)
def test_an_alarm_flashes_alike_on_a_tablet_and_at_the_gateway(priority):
    lit = list(burst.flash(priority))
    hz = 1000 / sum(ms for _, ms in lit) if any(not on for on, _ in lit) else 0
    assert page()["FLASH_HZ"][priority.name.lower()] == pytest.approx(hz, abs=0.001)


def test_the_page_knows_every_state_and_which_of_them_are_ends():
    assert set(page()["states"]) == {state.value for state in State}
    assert set(page()["ended"]) == {state.value for state in State if state.ended}


def test_the_page_has_a_word_for_every_state_of_a_pump_and_every_part_of_the_self_test():
    assert set(page()["pumpStates"]) == {state.value for state in PumpState}
    assert page()["parts"] == list(self_test._NAMES)


def test_the_page_signs_what_the_gateway_verifies():
    found = page()
    assert found["REQUEST"] == tablet.REQUEST_PREFIX
    assert found["CONFIRMATION"] == signing.PREFIX
    assert found["LABEL"] == pairing._LABEL


def test_the_reason_of_a_stop_is_the_one_that_has_a_translation():
    assert page()["PRESSED"] == PRESSED


def test_an_order_and_vital_signs_have_the_gateway_s_fields():
    found = page()
    assert {*found["NEEDED"], *found["OPTIONAL"], "overrides", "weight_from_record", "pump"} == {
        *Prescribed.model_fields
    }
    assert {*found["OPTIONAL"]} <= {name for name, each in Prescribed.model_fields.items() if not each.is_required()}
    signs = {name: each.is_required() for name, each in tablet.VitalSigns.model_fields.items() if "_" in name}
    assert {each["name"]: not each.get("optional") for each in found["VITAL_FIELDS"]} == signs


def test_weekdays_and_scales_are_the_gateway_s():
    assert tuple(page()["WEEKDAYS"]) == WEEKDAYS
    assert page()["SCALES"] == dict(SCALES)
