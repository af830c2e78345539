"""A bedside monitor that sends vital signs each second, and lies when the story says so.

What was true is noted here: a start needs true, fresh, harmless signs of this patient, a flow ends when they are lost,
and a dangerous one stops it at once (STA-08, RUN-07, RUN-08). A lie may stop or refuse, and nothing else.
"""

import asyncio
from typing import TYPE_CHECKING

from tests.control.monitor import RECEIVER

if TYPE_CHECKING:
    from tests.campaign.world import World

WELL = {"spo2_percent": 97, "heart_rate_bpm": 72, "systolic_mmhg": 124, "diastolic_mmhg": 78}
EVERY_S = 1.0
AGE_S = 0.2  # from the measurement to control
FRESH_S, LOST_S = 5.0, 60.0  # STA-08, RUN-08
Message = tuple[dict[str, object], float | None]  # and how old it says that it is; None: as old as the last true one
SPO2: dict[str, object] = {"spo2_percent": WELL["spo2_percent"]}
OTHERS: Message = ({sign: value for sign, value in WELL.items() if sign not in SPO2}, AGE_S)
LATE = "late"
# What is sent instead.
LIES: dict[str, tuple[Message, ...]] = {
    "silence": (),
    "frozen": ((WELL, None),),
    "impossible": (({**WELL, "spo2_percent": 130}, AGE_S),),
    "another-patient": (({**WELL, "patient": "token-2"}, AGE_S),),
    "old": ((WELL, 120.0),),
    "future": ((WELL, -30.0),),
    "critical": (({**WELL, "spo2_percent": 80}, AGE_S),),
    "two-warnings": (({**WELL, "spo2_percent": 90, "heart_rate_bpm": 130}, AGE_S),),
    # All is true but the oxygen saturation.
    "spo2-missing": (OTHERS,),
    "spo2-frozen": (OTHERS, (SPO2, None)),
    "spo2-of-another": (OTHERS, ({**SPO2, "patient": "token-2"}, AGE_S)),
    # All is true, and comes too late for a start.
    LATE: ((WELL, 8.0),),
}
PARTLY = ("spo2-missing", "spo2-frozen", "spo2-of-another", LATE)
WHOLLY = tuple(sorted(set(LIES) - set(PARTLY)))
DANGERS = ("critical", "two-warnings")


class Monitor:
    def __init__(self, world: "World") -> None:
        self._world = world
        self.lie, self.until_s = "", 0.0
        self.true_s = -LOST_S  # when the last true and harmless signs were taken
        self.dangerous = False  # the last ones that were taken
        self.told = 0  # lies that were sent
        self.on_danger = lambda: None

    def begin(self, lie: str, seconds: float) -> None:
        self.lie, self.until_s = lie, self._world.now + seconds

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await self._send(self.lie if self._world.now < self.until_s else "")

    async def _send(self, lie: str) -> None:
        for signs, age_s in LIES[lie] if lie else ((WELL, AGE_S),):
            self.told += bool(lie)
            await self._send_one(lie, signs, age_s)

    async def _send_one(self, lie: str, signs: dict[str, object], age_s: float | None) -> None:
        world = self._world
        age_s = world.now - self.true_s if age_s is None else age_s
        taken_at_s = world.now
        if lie in DANGERS:
            self.on_danger()
        fields = {"pump": world.bed, "source": "m-1", "age_s": age_s, **signs}
        answer = await world.ask(RECEIVER, op="vital_signs", **fields)
        if answer is None or not answer.ok or not answer.result["taken"]:
            return
        if lie in DANGERS or not lie:
            self.dangerous = bool(lie)
        if not lie or lie == LATE:
            self.true_s = max(self.true_s, taken_at_s - (age_s if lie else 0.0))
