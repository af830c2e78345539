"""`python -m tests.campaign`: random infusions with many faults at once, checked against the plant's truth.

    --n 20000            this many stories, by seed, starting at --first; seeds listed as done are not played again
    --replay FILE        one story from a file
    --crash-points       kill control before and after every journal write and every frame, all families
    --alarm-budget N     this many sessions without any fault
    --digests FILE       a digest of each story's journal, to compare two implementations
    --break NAME         with a deliberate defect in pumpd, which must be found

Ends with status 1 at the first broken rule (with `--go-on`, after all stories); writes the story and the shrunk one.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.campaign import alarm_budget, breaks, crash_points, digests
from tests.campaign.draw import story
from tests.campaign.play import Played, play, quiet_logs
from tests.campaign.shrink import shrink
from tests.campaign.story import Story
from tests.campaign.told import told
from tests.kept import Kept, code
from tests.workers import pool

PLAYS = ("pumpd", "drivers", "simulators", "config", "tests/campaign")  # all that a story depends on
CHUNK = 20
COUNTED = (
    *("starts", "processes", "entries", "alarms", "delivered_ml"),
    *("stops_checked", "losses_checked", "found_flowing", "unprescribed_flows"),
    *("rests", "rests_refused", "orders_at_once", "wrong_scans", "lies", "dangers"),
)


def main() -> int:
    options = _options()
    quiet_logs()
    with breaks.broken(options.break_):
        if options.replay:
            return _replay(options.replay)
        if options.crash_points:
            return crash_points.run(options)
        if options.alarm_budget:
            return alarm_budget.run(options)
        if options.digests:
            return digests.run(options)
        return _campaign(options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, default=300, help="how many stories")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes, one a core")
    parser.add_argument("--out", type=Path, default=Path("campaign"), help="folder for stories, progress and summary")
    parser.add_argument("--again", action="store_true", help="forget which seeds are done")
    parser.add_argument("--go-on", action="store_true", help="do not stop at the first broken rule")
    parser.add_argument("--replay", type=Path, help="play one story from a file and print the result")
    parser.add_argument("--crash-points", action="store_true")
    parser.add_argument("--only", nargs="*", help="only crash points of these families or models")
    parser.add_argument("--without-whole", action="store_true", help="no crash points of the end of a whole dose")
    parser.add_argument("--share", type=int, default=1, help="only every n-th crash point")
    parser.add_argument("--alarm-budget", type=int, default=0, metavar="N")
    parser.add_argument("--digests", type=Path, metavar="FILE", help="a digest of each story's journal")
    parser.add_argument("--break", dest="break_", choices=sorted(breaks.BREAKS), help="a deliberate defect")
    return parser.parse_args()


def _replay(path: Path) -> int:
    played = play(Story.read(path))
    for rule, text in played.violations.items():
        print(f"{rule}: {text}")
    print(json.dumps({"violations": len(played.violations), **played.facts}))
    return 1 if played.violations else 0


# -- the campaign ----------------------------------------------------------------------------------------------------


def _campaign(options: argparse.Namespace) -> int:
    played = code(*PLAYS)
    kept = Kept(options.out, played)
    if options.again:
        kept.path.unlink(missing_ok=True)
    done = {each["seed"] for each in kept.lines()}
    seeds = [seed for seed in range(options.first, options.first + options.n) if seed not in done]
    begun, tally, broken = time.monotonic(), Tally(), 0
    with kept.more() as log:
        for number, result in enumerate(_played(seeds, options), start=1):
            tally.add(result)
            if result["violations"]:
                broken += 1
                _report(result, options)
                if not options.go_on:
                    break
            else:
                log.write(json.dumps(result) + "\n")
            if number % 50 == 0 or number == len(seeds):
                log.flush()
                _progress(number, len(seeds), begun, tally, broken)
    whole = Tally()
    for result in kept.lines():
        whole.add(result)
    summary = {"code": played, "stories": options.n, "done": whole.stories, "broken": broken, **whole.facts()}
    summary |= {"wall_s": round(time.monotonic() - begun, 1), "workers": options.workers}
    (options.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(summary))
    return 1 if broken else 0


class Tally:
    def __init__(self) -> None:
        self.stories = 0
        self.sums: Counter[str] = Counter()
        self.families: Counter[str] = Counter()
        self.slowest_stop_s = 0.0

    def add(self, result: dict) -> None:
        self.stories += 1
        self.families[result["family"]] += 1
        facts = result["facts"]
        self.slowest_stop_s = max(self.slowest_stop_s, facts.get("slowest_stop_s", 0.0))
        for name in COUNTED:
            self.sums[name] += facts.get(name, 0)
        self.sums["started"] += facts.get("starts", 0) > 0
        self.sums["cpu_s"] += result["cpu_s"]
        self.sums["virtual_s"] += result["virtual_s"]

    def facts(self) -> dict:
        cpu_s = self.sums["cpu_s"]
        return {
            "infusions_per_cpu_s": round(self.stories / cpu_s, 2) if cpu_s else 0.0,
            "cpu_s": round(cpu_s, 1),
            "virtual_h": round(self.sums["virtual_s"] / 3600, 1),
            "with_flow": self.sums["started"],
            "starts": self.sums["starts"],
            "deaths_and_restarts": self.sums["processes"] - self.stories,
            "alarms": self.sums["alarms"],
            "entries": self.sums["entries"],
            "delivered_ml": round(self.sums["delivered_ml"], 1),
            "slowest_stop_s": round(self.slowest_stop_s, 3),
            **{name: self.sums[name] for name in COUNTED[5:]},
            "families": dict(sorted(self.families.items())),
        }


def _played(seeds: list[int], options: argparse.Namespace) -> Iterator[dict]:
    if options.workers <= 1:
        yield from map(_one, seeds)
        return
    with pool(options.workers, quiet_logs) as working:
        yield from working.imap_unordered(_one, seeds, CHUNK)


def _one(seed: int) -> dict:
    drawn = story(seed)
    return _result(seed, drawn, play(drawn))


def _result(seed: int, drawn: Story, played: Played) -> dict:
    return {
        "seed": seed,
        "family": drawn.family,
        "violations": played.violations,
        "cpu_s": round(played.cpu_s, 4),
        "virtual_s": round(played.virtual_s, 1),
        "facts": played.facts,
    }


def _progress(number: int, of: int, begun: float, tally: Tally, broken: int) -> None:
    wall = time.monotonic() - begun
    rate = tally.facts()["infusions_per_cpu_s"]
    left = wall / number * (of - number) / 60
    print(f"{number} of {of}, {broken} broken, {rate} a CPU-second, {left:.0f} min to go", flush=True)


def _report(result: dict, options: argparse.Namespace) -> None:
    """Print the story, the shrunk one, and how to replay it."""
    drawn = story(result["seed"])
    rule = next(iter(result["violations"]))
    for name, text in result["violations"].items():
        print(f"seed {result['seed']} ({drawn.family} {drawn.model}) breaks {name}: {text}")
    path = options.out / f"seed-{result['seed']}.toml"
    path.write_text(drawn.to_toml(), encoding="utf-8")
    small = shrink(drawn, lambda candidate: rule in play(candidate).violations)
    shrunk = path.with_name(f"{path.stem}-shrunk.toml")
    shrunk.write_text(small.to_toml(), encoding="utf-8")
    for line in told(small):
        print(f"    {line}")
    print(f"  of {len(drawn.events)} events {len(small.events)} are left: python -m tests.campaign --replay {shrunk}")


if __name__ == "__main__":
    sys.exit(main())
