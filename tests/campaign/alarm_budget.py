"""Sessions in which nothing goes wrong: how often pumpd raises an alarm nevertheless (ALM-13).

The notice of the near end comes in each infusion by design (RUN-12): it is counted apart, at most once for each start.
The bound for all others is unchanged.
"""

import json
from collections import Counter
from dataclasses import dataclass, field

from tests.campaign.draw import faultless
from tests.campaign.play import play, quiet_logs
from tests.workers import pool

MOST_A_SESSION = 0.2
BY_DESIGN = "near_end"


@dataclass(slots=True)
class Budget:
    sessions: int = 0
    high: int = 0
    any_priority: int = 0
    by_design: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    families: Counter[str] = field(default_factory=Counter)

    def add(
        self, seed: int, family: str, raised: list[tuple[str, str]], violations: dict[str, str], starts: int
    ) -> None:
        alarms = [each for each in raised if each != (BY_DESIGN, "low")]
        notices = len(raised) - len(alarms)
        if notices > starts:
            violations = violations | {BY_DESIGN: f"{notices} notices after {starts} starts"}
        self.sessions += 1
        self.by_design += notices
        self.families[family] += 1
        self.any_priority += len(alarms)
        self.high += sum(priority == "high" for _, priority in alarms)
        self.codes.update(code for code, _ in alarms)
        self.broken += [f"seed {seed} ({family}): {rule}: {text}" for rule, text in violations.items()]

    @property
    def kept(self) -> bool:
        return not self.high and not self.broken and self.any_priority <= MOST_A_SESSION * self.sessions


def session(seed: int) -> tuple[int, str, list[tuple[str, str]], dict[str, str], int]:
    drawn = faultless(seed)
    alarms: list[tuple[str, str]] = []
    played = play(drawn, lambda world: world.at_end.append(lambda entries: alarms.extend(_alarms(entries))))
    violations = dict(played.violations)
    if not played.facts.get("starts"):
        violations["start"] = "it never started"
    return seed, drawn.family, alarms, violations, int(played.facts.get("starts", 0))


def _alarms(entries):
    return [(entry.fields["code"], entry.fields["priority"]) for entry in entries if entry.kind == "alarm_raised"]


def run(options) -> int:
    budget = Budget()
    with pool(options.workers, quiet_logs) as working:
        for result in working.imap_unordered(session, range(options.first, options.first + options.alarm_budget), 4):
            budget.add(*result)
            if budget.sessions % 50 == 0:
                print(f"{budget.sessions} sessions, {budget.high} high, {budget.any_priority} alarms", flush=True)
    for line in budget.broken:
        print(line)
    facts = {"sessions": budget.sessions, "high": budget.high, "any_priority": budget.any_priority}
    facts |= {BY_DESIGN: budget.by_design}
    facts |= {"a_session": budget.any_priority / budget.sessions, "codes": dict(budget.codes)}
    print(json.dumps(facts | {"families": dict(sorted(budget.families.items())), "kept": budget.kept}))
    return 0 if budget.kept else 1
