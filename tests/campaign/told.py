"""A story in the words of the people at the bed, for whoever has to judge what went wrong."""

import re
from collections.abc import Iterator

from tests.campaign.story import Happening, Story

_SECONDS = r"(?P<s>[0-9.]+)"
# A happening as written in a story, and the sentence for it; the first that fits.
SAID: tuple[tuple[str, str], ...] = (
    (r"nurse stop", "the nurse stops the infusion"),
    (r"nurse pause", "the nurse pauses the infusion"),
    (r"nurse (resume|clear|confirm|reconcile)", r"the nurse asks to \1"),
    (r"nurse order", "the same order is given again"),
    (rf"cable {_SECONDS}", r"the cable is out for \g<s> s"),
    (rf"tablet {_SECONDS}", r"the tablet is away for \g<s> s"),
    (rf"control (kill|kill-sent)/{_SECONDS}", r"the gateway's control dies, and is back after \g<s> s"),
    (rf"control end/{_SECONDS}", r"the gateway's control is ended, and is back after \g<s> s"),
    (rf"control reboot/{_SECONDS}", r"the gateway loses power, and is back after \g<s> s"),
    (rf"disk full/{_SECONDS}", r"the gateway's disk is full for \g<s> s"),
    (rf"disk away/{_SECONDS}", r"the gateway's disk does not answer for \g<s> s"),
    (rf"disk slow:(?P<d>[0-9.]+)/{_SECONDS}", r"each write takes \g<d> s, for \g<s> s"),
    (r"clock (?P<s>-?[0-9]+)", r"the gateway's clock is set by \g<s> s"),
    (r"panel start", "a person presses start at the pump"),
    (r"panel stop", "a person presses stop at the pump"),
    (r"panel rate=(?P<r>[0-9]+%)", r"a person sets \g<r> of the rate at the pump"),
    (rf"vitals spo2-missing/{_SECONDS}", r"the finger probe is off for \g<s> s, all else is measured"),
    (rf"vitals spo2-frozen/{_SECONDS}", r"the oxygen saturation stands still for \g<s> s, all else is measured"),
    (rf"vitals spo2-of-another/{_SECONDS}", r"the oxygen saturation is another patient's for \g<s> s"),
    (rf"vitals late/{_SECONDS}", r"vital signs come 8 s late, for \g<s> s"),
    (rf"vitals (?P<lie>[a-z-]+)/{_SECONDS}", r"the monitor lies (\g<lie>) for \g<s> s"),
    (r"colleague pump", "a colleague gives the next order for this pump too, at the same instant"),
    (r"colleague patient", "a colleague gives the next order for this patient on the other pump, at the same instant"),
    (r"wristband other", "another patient's wristband is scanned"),
    (r"wristband none", "no wristband is scanned"),
    (r"wristband wrong-then-right", "a wrong wristband is scanned, then the right one"),
    (r"fault lost-reply:(\w+)", r"the pump's answer to the next \1 is lost"),
    (rf"fault lost-reply/{_SECONDS}s", r"all answers of the pump are lost for \g<s> s"),
    (r"fault lost-reply", "one answer of the pump is lost"),
    (rf"fault lost-request/{_SECONDS}s", r"nothing reaches the pump for \g<s> s"),
    (r"fault lost-request", "one message to the pump is lost"),
    (rf"fault delayed-reply:(?P<d>[0-9.]+)s?/{_SECONDS}s", r"the pump answers \g<d> s late, for \g<s> s"),
    (rf"fault silence/{_SECONDS}s", r"the line is silent for \g<s> s"),
    (rf"fault hang/{_SECONDS}s", r"the pump hangs for \g<s> s"),
    (rf"fault disconnect/{_SECONDS}s", r"the adapter is gone for \g<s> s"),
    (rf"fault power-cut/{_SECONDS}s", r"the pump is without power for \g<s> s"),
    (r"fault crash-after:(\w+)", r"the pump restarts right after the next \1"),
    (rf"fault echo/{_SECONDS}s", r"the adapter echoes what is sent, for \g<s> s"),
    (r"fault echo", "the adapter echoes what is sent, from now on"),
    (rf"fault shorted/{_SECONDS}s", r"the cable's two wires touch for \g<s> s: pumpd hears itself, the pump nothing"),
    (rf"fault ([a-z-]+)/{_SECONDS}s", r"\1 for \g<s> s"),
    (r"fault (\S+)", r"\1"),
)


def sentence(event: Happening) -> str:
    """What happens, as a sentence without its time; words of the simulator where there is no other."""
    said = f"{event.word} {event.detail}"
    for form, words in SAID:
        if match := re.fullmatch(form, said):
            return match.expand(words)
    return said


def told(story: Story) -> Iterator[str]:
    """The whole story, a line for each thing that happens."""
    order = story.order
    yield (
        f"A {story.family} ({story.model}) with {order['container']}: {order['dose']} at {order['weight']}, "
        f"{order['entry']}, over {order['duration']}."
    )
    nurse = story.nurse
    twice = " and sends everything twice" if nurse.impatient else ""
    yield f"The nurse confirms after {nurse.confirm_after_s:g} s{twice}."
    if nurse.clears or nurse.resumes:
        after = f"after {nurse.act_after_s:g} s"
        yield f"She clears up to {nurse.clears} trips and resumes up to {nurse.resumes} times, {after}."
    if story.monitor:
        yield "A monitor sends vital signs."
    for event in story.events:
        yield f"At {event.at_s:.1f} s {sentence(event)}."
    if story.rest.orders:
        pump = f" on a {story.rest.family} ({story.rest.model})" if story.rest.family else ""
        yield f"After an early end she orders the rest up to {story.rest.orders} times{pump}."
