"""Stories drawn by seed: which pump, what order, what nurse, and what goes wrong when."""

import random
from dataclasses import replace
from decimal import Decimal

from tests.campaign.monitor import WHOLLY
from tests.campaign.outside import with_outside
from tests.campaign.story import Happening, Nurse, Rest, Story

# Every model that can be started. Space's rack (space-bcc) is only read and gets no commands, so nothing starts it.
PUMPS = (
    ("new-era", "ne-1000"),
    ("new-era", "ne-1010"),
    ("new-era", "ne-4000"),
    ("alaris-asena", "asena-gh"),
    ("alaris-asena", "asena-cc"),
    ("dianet-star", "perfusor-fm"),
    ("dianet-star", "infusomat-fms"),
    ("harvard", "11-elite"),
    ("harvard", "phd-ultra"),
    ("harvard", "legato-100"),
    ("harvard", "legato-110"),
    ("harvard-classic", "pump-11"),
    ("harvard-classic", "model-22"),
    ("harvard-classic", "phd-2000"),
    ("fresenius-base-a", "base-a"),
    ("reglo-icc", "reglo-icc"),
    ("zyno-miva", "miva"),
)
BAGS = {"infusomat-fms", "reglo-icc", "miva"}
PLAIN, GENTLE = "ketamine-1mg-ml", "ketamine-1mg-ml-gentle"
ENTRIES = ((PLAIN, 1), ("ketamine-2mg-ml", 2), (GENTLE, 1))
WHOLE_S = 2600.0  # to the end of the dose, in one story of a hundred; in the others a nurse stops it earlier
YEAR = 365 * 24 * 3600

# What can go wrong, with its weight. `{s}` is a short time, `{l}` may be longer than the lease.
TROUBLES = (
    (6, "fault", "lost-reply"),
    (3, "fault", "lost-reply:start"),
    (2, "fault", "lost-reply:stop"),
    (2, "fault", "lost-reply:program"),
    (3, "fault", "lost-reply/{s}s"),
    (4, "fault", "lost-request"),
    (2, "fault", "lost-request/{s}s"),
    (4, "fault", "delayed-reply:{d}s/{l}s"),
    (3, "fault", "duplicated-reply/{l}s"),
    (3, "fault", "garbled/{s}s"),
    (3, "fault", "split-reply/{l}s"),
    (4, "fault", "silence/{l}s"),
    (2, "fault", "hang/{l}s"),
    (4, "fault", "disconnect/{l}s"),
    (3, "fault", "power-cut/{l}s"),
    (1, "fault", "crash-after:start"),
    (1, "fault", "crash-after:read"),
    (1, "fault", "crash-after:stop"),
    (1, "fault", "crash-after:program"),
    (3, "fault", "occlusion/{l}s"),
    (1, "fault", "occlusion"),
    (2, "fault", "stall/{l}s"),
    (2, "fault", "air"),
    (2, "fault", "door/{l}s"),
    (1, "fault", "empty"),
    (1, "fault", "mains/{l}s"),
    (1, "fault", "battery:10%"),
    (2, "panel", "rate=150%"),
    (1, "panel", "rate=50%"),
    (3, "panel", "stop"),
    (3, "panel", "start"),
    (4, "cable", "{l}"),
    (8, "control", "kill/{s}"),
    (4, "control", "kill-sent/{s}"),
    (3, "control", "kill/{l}"),
    (2, "control", "end/{s}"),
    (2, "control", "reboot/{l}"),
    (2, "disk", "full/{l}"),
    (2, "disk", "away/{l}"),
    (2, "disk", "slow:{d}/{l}"),
    (4, "clock", "{c}"),
    (2, "tablet", "{l}"),
    (3, "nurse", "stop"),
    (3, "nurse", "pause"),
    (2, "nurse", "resume"),
    (2, "nurse", "clear"),
    (2, "nurse", "confirm"),
    (1, "nurse", "order"),
    (1, "nurse", "reconcile"),
)
_WEIGHTS = [weight for weight, _, _ in TROUBLES]


def story(seed: int) -> Story:
    """The same seed gives the same story. Half of those that end early are followed by the rest."""
    rng = random.Random(f"rest {seed}")
    drawn = _with_wristbands(rng, _delivery(seed))
    if drawn.horizon_s < WHOLE_S and rng.random() < 0.5:
        drawn = _with_rest(rng, drawn)
    drawn = _with_monitor(random.Random(f"vitals {seed}"), drawn)
    return with_outside(random.Random(f"outside {seed}"), drawn)


def _delivery(seed: int) -> Story:
    rng = random.Random(seed)
    family, model = rng.choice(PUMPS)
    short = rng.random()
    length = rng.uniform(8, 60) if short < 0.84 else rng.uniform(60, 420) if short < 0.99 else WHOLE_S
    nurse = Nurse(
        confirm_after_s=round(rng.choice((0.2, 1.0, rng.uniform(0, 15))), 3),
        clears=rng.choice((0, 1, 1, 2, 4)),
        resumes=rng.choice((0, 1, 1, 2, 3)),
        act_after_s=round(rng.choice((0.3, 2.0, rng.uniform(0, 40))), 3),
        impatient=rng.random() < 0.2,
    )
    begin = 3.0 + nurse.confirm_after_s
    events = [_trouble(rng, _instant(rng, begin, length)) for _ in range(_how_many(rng))]
    if length < WHOLE_S:
        events.append(Happening(round(begin + length, 3), "nurse", "stop"))
    return Story(
        seed=seed,
        family=family,
        model=model,
        order=_order(rng, model),
        nurse=nurse,
        events=tuple(sorted(events, key=lambda event: event.at_s)),
        horizon_s=begin + length + 20.0,
    )


def faultless(seed: int) -> Story:
    """A story in which nothing goes wrong: every fourth runs to its end, in the others the nurse stops it in minutes.

    In a third of both she pauses and resumes once before (ALM-13).
    """
    rng = random.Random(seed)
    whole = _delivery(seed)
    stop_s = rng.uniform(100, 400)
    events: tuple[Happening, ...] = ()
    if rng.random() < 1 / 3:
        events += (Happening(round(rng.uniform(20, stop_s - 60), 3), "nurse", "pause"),)
    if seed % 4:
        events += (Happening(round(stop_s, 3), "nurse", "stop"),)
    nurse = Nurse(confirm_after_s=whole.nurse.confirm_after_s, resumes=1, act_after_s=round(rng.uniform(5, 40), 3))
    order = dict(whole.order)
    if (
        whole.family != "new-era" and order["entry"] == GENTLE
    ):  # the others hold only one step: such an order is refused
        order["entry"] = PLAIN
    return whole.but(order=order, nurse=nurse, events=events, horizon_s=2900.0)


SCANS = ("other", "none", "wrong-then-right", "wrong-then-right")


def _with_wristbands(rng: random.Random, drawn: Story) -> Story:
    """Before the first confirmation, and before one at some other time."""
    events = []
    if rng.random() < 0.25:
        events.append(Happening(0.0, "wristband", rng.choice(SCANS)))
    if rng.random() < 0.25:
        events.append(Happening(round(rng.uniform(0, drawn.horizon_s), 3), "wristband", rng.choice(SCANS)))
    return drawn.but(events=_in_order(*events, *drawn.events))


def _in_order(*events: Happening) -> tuple[Happening, ...]:
    return tuple(sorted(events, key=lambda event: event.at_s))


def _with_monitor(rng: random.Random, drawn: Story) -> Story:
    """In a quarter of the stories, vital signs are configured, and most of their monitors lie."""
    if rng.random() >= 0.25:
        return drawn
    lies = []
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        at_s = 0.0 if rng.random() < 0.15 else rng.uniform(0, min(drawn.horizon_s, 400.0))
        lasts_s = rng.choice((rng.uniform(1, 8), rng.uniform(5, 70), rng.uniform(60, 80)))
        lies.append(Happening(round(at_s, 3), "vitals", f"{rng.choice(WHOLLY)}/{round(lasts_s, 2)}"))
    return drawn.but(monitor=True, events=_in_order(*lies, *drawn.events))


def _with_rest(rng: random.Random, drawn: Story) -> Story:
    """The rest, once or more, on the same pump or another, and trouble during it as before."""
    rest = Rest(
        orders=rng.choice((1, 1, 1, 2, 3)),
        after_s=round(rng.choice((0.3, 2.0, rng.uniform(0, 30))), 3),
        minutes=rng.choice((0, 0, 0, 40, 60, 80)),
        stop_after_s=round(rng.uniform(5, 60) if rng.random() < 0.94 else 0.0, 3),
        another=rng.random() < 0.3,
    )
    if rng.random() < 0.4:
        family, model = rng.choice([pump for pump in PUMPS if pump[0] != drawn.family])
        syringe = "50 mL" if model == "model-22" else rng.choice(("50 mL", "60 mL"))
        rest = replace(rest, family=family, model=model, container="100 mL bag" if model in BAGS else syringe)
    elif rng.random() < 0.3 and drawn.model not in BAGS:
        rest = replace(rest, container=drawn.order["container"] if drawn.model == "model-22" else "50 mL")
    lasts_s = rest.orders * ((rest.stop_after_s or WHOLE_S) + rest.after_s + drawn.nurse.confirm_after_s + 10.0)
    begin_s = drawn.horizon_s - 20.0
    much = rng.randint(0, 5) if rest.stop_after_s else rng.randint(0, 2)
    more = [_trouble(rng, _instant(rng, begin_s, lasts_s)) for _ in range(much)]
    if rng.random() < 0.3:
        more.append(Happening(round(begin_s + rng.uniform(0, lasts_s), 3), "wristband", rng.choice(SCANS)))
    lapses = rng.random() < 0.04
    if lapses:  # a pause that nobody ends
        nurse = replace(drawn.nurse, act_after_s=330.0, resumes=1)
        at_s = round(rng.uniform(8, max(9.0, begin_s - 5)), 3)
        drawn = drawn.but(nurse=nurse, events=_in_order(Happening(at_s, "nurse", "pause"), *drawn.events))
    return drawn.but(
        rest=rest,
        events=_in_order(*more, *drawn.events),
        horizon_s=round(drawn.horizon_s + lasts_s + (340.0 if lapses else 0.0) + 20.0, 3),
    )


def _how_many(rng: random.Random) -> int:
    much = rng.random()
    if much < 0.04:
        return 0
    if much < 0.35:
        return rng.randint(1, 2)
    return rng.randint(3, 6) if much < 0.85 else rng.randint(7, 14)


def _instant(rng: random.Random, begin: float, length: float) -> float:
    """A third of all trouble comes around the beginning and the end, where most happens."""
    where = rng.random()
    if where < 0.08:
        return round(rng.uniform(0, begin), 4)
    if where < 0.22:
        return round(rng.uniform(begin - 1, begin + 4), 4)
    if where < 0.34:
        return round(max(0.0, begin + length + rng.uniform(-5, 5)), 4)
    return round(begin + rng.uniform(0, length), 4)


def _trouble(rng: random.Random, at_s: float) -> Happening:
    _, word, detail = rng.choices(TROUBLES, _WEIGHTS)[0]
    step = rng.choice((1, 60, 3600, 86400, YEAR)) * rng.choice((1, -1))
    filled = detail.format(
        s=round(rng.uniform(0.3, 5), 2),
        l=round(rng.choice((rng.uniform(0.5, 9), rng.uniform(9, 40))), 2),
        d=round(rng.uniform(0.1, 3), 2),
        c=step,
    )
    return Happening(at_s, word, filled)


def _order(rng: random.Random, model: str) -> dict[str, str]:
    entry, strength = rng.choice(ENTRIES)
    container = "100 mL bag" if model in BAGS else rng.choice(("50 mL", "60 mL", "50 mL", "20 mL"))
    if model == "model-22":
        container = "50 mL"  # it cannot hold the diameters of the others
    room_ml = {"100 mL bag": 99, "50 mL": 49, "60 mL": 49, "20 mL": 19}[container]
    weight = Decimal(rng.randint(400, 1200)) / 10
    most = min(Decimal("0.75"), Decimal(59) / weight, Decimal(room_ml * strength) / weight)
    dose = max(Decimal("0.3"), Decimal(rng.randint(30, 75)) / 100)
    if dose > most:
        dose = most.quantize(Decimal("0.01"), "ROUND_DOWN")
    if dose < Decimal("0.3"):
        dose = Decimal("0.3")
        weight = (Decimal(room_ml * strength) / dose).quantize(Decimal("0.1"), "ROUND_DOWN")
    return {
        "entry": entry,
        "dose": f"{dose} mg/kg",
        "weight": f"{weight} kg",
        "weight_again": f"{weight} kg",
        "weight_basis": "actual",
        "duration": "40 min",
        "container": container,
        "patient": "token-1",
        "ordered_by": "dr-a",
    }
