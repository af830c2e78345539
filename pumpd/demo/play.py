"""The demo from the order to the report, over the operator socket and with a signed confirmation, like any client."""

import base64
import contextlib
import secrets
import signal
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

from pumpd.cli.client import NoAnswerError
from pumpd.cli.infusion import ENDED
from pumpd.cli.signer import SoftwareSigner
from pumpd.cli.terminal import say_json, visible
from pumpd.cli.wording import plasma_peak
from pumpd.demo import report, tablet
from pumpd.demo.monitor import begin
from pumpd.demo.script import Script
from pumpd.demo.stage import PUMP, Stage, stage
from pumpd.demo.stage_error import StageError
from pumpd.demo.view import NOTICE, View, signs_line
from pumpd.messages.keys_and_staff import KeyAdd
from pumpd.messages.requests import Associate, ChallengeRequest, Order, StatusRequest
from pumpd.messages.signing import der_of

POLL_EVERY_S = 0.1
# After these faults the gateway should trip; after a fault of the line either end is fine.
STOPPING_FAULTS = (
    *("occlusion", "stall", "power-cut", "front-panel"),
    *("desaturation", "hypertension", "hypotension", "bradycardia", "tachycardia", "bradypnoea"),
)
NEAR_END = "near_end"  # the one alarm that each whole infusion has, by design

ORDER = Order(
    pump=PUMP,
    entry="ketamine-1mg-ml",
    dose="0.5 mg/kg",
    weight="70 kg",
    weight_again="70 kg",
    weight_basis="actual",
    duration="40 min",
    container="50 mL",
    patient="demo-patient",
    ordered_by="demo-prescriber",
)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    """End like Ctrl-C: everything that was started ends too."""
    raise KeyboardInterrupt


class Demo:
    def __init__(self, script: Script, folder: Path, *, as_json: bool) -> None:
        """With a tablet, a browser is the nurse; otherwise it is software."""
        self.script, self.folder, self.as_json = script, folder, as_json
        self.view = View(script.speed)
        self.alarms: list[str] = []
        self.track = report.Track()

    def play(self) -> int:
        """Run it; returns 0 when the outcome is as expected, 1 otherwise."""
        self.view.say(NOTICE)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        try:
            with (
                tempfile.TemporaryDirectory(prefix="pumpd-demo-") as folder,
                stage(Path(folder), self.script) as here,
            ):
                return self._act(here)
        except StageError as error:
            self.view.say(f"The demo could not run: {error}")
            return 1
        except NoAnswerError as error:
            self.view.say(f"The demo has ended: {error}")
            return 1
        except KeyboardInterrupt:
            self.view.say("Interrupted: the pump was stopped, and everything ended.")
            return 130

    def _act(self, here: Stage) -> int:
        if here.tablet:
            review = self._by_tablet(here)
        else:
            review = self._order(here)
            self._confirm(here, review)
        if here.monitor is not None:
            begin(here.monitor)
        summary = self._watch(here, review)
        path = report.write(self.folder, summary, review, self.track)
        self._sum_up(summary, path)
        if here.tablet:
            self.view.say("The tablet still works, for the observation or another order. Ctrl-C ends the demo.")
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
        return 0 if summary["expected"] else 1

    def _by_tablet(self, here: Stage) -> dict[str, Any]:
        """A browser orders and confirms; returns what it confirmed, once that is running."""
        badge, pin = tablet.hire(here.client)
        tablet.announce(here.tablet, badge, pin, self.view.say, as_json=self.as_json)
        tablet.invite(here.client, here.tablet, self.view.say)
        self.view.say(
            "Sign in on the tablet, associate the pump with a patient (any token), order for that patient, and type "
            "the token again where the wristband is scanned. The bench panel shows true values, and starts faults."
        )
        while True:
            infusion = self._status(here)["infusion"]
            if infusion and infusion["started"]:
                review: dict[str, Any] = infusion["review"]
                return review
            time.sleep(POLL_EVERY_S)

    def _status(self, here: Stage) -> dict[str, Any]:
        found: dict[str, Any] = visible(here.client.ask(StatusRequest()).result["pumps"][0])
        for alarm in found["alarms"]:
            if alarm["code"] not in self.alarms:
                self.alarms.append(alarm["code"])
        return found

    def _until(self, here: Stage, *states: str) -> dict[str, Any]:
        end = time.monotonic() + 30
        while True:
            found = self._status(here)
            if found["infusion"] and found["infusion"]["state"] in (*states, *ENDED):
                return found
            if time.monotonic() > end:
                raise StageError(f"the pump never became {' or '.join(states)}: {found}")
            time.sleep(0.02)

    def _await_vitals(self, here: Stage) -> None:
        """Until the monitor has sent what a start needs."""
        end = time.monotonic() + 30
        while not (vitals := self._status(here)["vitals"])["ready"]:
            if time.monotonic() > end:
                raise StageError("the monitor's vital signs permit no start: " + "; ".join(vitals["reasons"]))
            time.sleep(0.02)
        self.view.say(f"Monitor: {signs_line(vitals)}")

    def _order(self, here: Stage) -> dict[str, Any]:
        self.view.say(f"Order: {ORDER.dose} ketamine, {ORDER.weight}, {ORDER.duration}, {ORDER.container} syringe")
        here.client.ask(Associate(pump=PUMP, patient=ORDER.patient, by="demo"))
        if self.script.monitor is not None:
            self._await_vitals(here)
        answer = here.client.ask(ORDER)
        if not answer.ok:
            raise StageError("the order was refused: " + "; ".join(answer.reasons))
        infusion = self._until(here, "ready")["infusion"]
        if infusion["state"] != "ready":
            raise StageError(f"the pump did not take the program: {infusion['reason']}")
        review: dict[str, Any] = infusion["review"]
        return review

    def _confirm(self, here: Stage, review: dict[str, Any]) -> None:
        key = here.settings.state_dir / "nurse.pem"
        signer = SoftwareSigner.create(key)
        public_key = base64.b64encode(der_of(signer.public)).decode()
        paired = here.client.ask(KeyAdd(name="demo-nurse", public_key=public_key))
        if not paired.ok:
            raise StageError("the software nurse was not paired: " + "; ".join(paired.reasons))
        offered = here.client.ask(ChallengeRequest(pump=PUMP))
        if not offered.ok:
            raise StageError("no challenge: " + "; ".join(offered.reasons))
        self.view.review(review, offered.result["binding"]["action"])
        binding, wristband = offered.result["binding"], ORDER.patient  # the simulated patient wears this token
        answer = here.client.ask(signer.confirmation(PUMP, secrets.token_hex(8), binding, wristband))
        if not answer.ok:
            raise StageError("the confirmation was refused: " + "; ".join(answer.reasons))

    def _watch(self, here: Stage, review: dict[str, Any]) -> dict[str, Any]:
        with self.view:
            while True:
                found = self._status(here)
                infusion, truth = found["infusion"], here.truth()
                self.track.add(infusion, truth, found["vitals"])
                self.view.update(found, here.telemetry.messages)
                if infusion["state"] in ENDED:
                    break
                time.sleep(POLL_EVERY_S)
        time.sleep(1.0)  # the last messages
        truth = here.truth()
        outcome = infusion["state"]
        return {
            "outcome": outcome,
            "expected": self._expected(outcome, infusion, truth),
            "reason": infusion["reason"],
            "dose_mg": review["dose_mg"],
            "delivered_ml": infusion["delivered_ml"],
            "true_delivered_ml": f"{truth['delivered_ml']:.3f}",
            "window_s": infusion["running_s"],
            "plasma_peak": plasma_peak(found["plasma"]),
            "telemetry_messages": here.telemetry.messages,
            "alarms": self.alarms,
            "speed": self.script.speed,
            "seed": self.script.seed,
            "faults": list(self.script.faults),
            "simulated": True,
        } | ({} if self.script.monitor is None else self._vitals_summary(found["vitals"]))

    def _vitals_summary(self, vitals: dict[str, Any]) -> dict[str, Any]:
        assert self.script.monitor is not None
        return {"monitor_faults": list(self.script.monitor), "vital_signs_at_the_end": signs_line(vitals)}

    def _expected(self, outcome: str, infusion: dict[str, Any], truth: dict[str, Any]) -> bool:
        """Without a fault: completed within the window. With a fault that must stop the pump: tripped. And never too
        much volume.
        """
        faults = (*self.script.faults, *(self.script.monitor or ()))
        kinds = [fault.partition("@")[0].partition(":")[0] for fault in faults]
        within = infusion["window_least_s"] <= infusion["running_s"] <= infusion["window_most_s"]
        bounded = truth["delivered_ml"] <= float(infusion["prescribed_ml"]) * 1.02 and not truth["running"]
        if self.script.tablet_host:  # the person at the tablet may stop the pump or cause any fault
            return bounded
        if not kinds:
            return outcome == "completed" and within and bounded and self.alarms in ([], [NEAR_END])
        if any(kind in STOPPING_FAULTS for kind in kinds):
            return outcome == "tripped" and bounded
        return outcome in ("completed", "tripped") and bounded

    def _sum_up(self, summary: dict[str, Any], path: Path) -> None:
        verdict = "as expected" if summary["expected"] else "NOT as expected"
        self.view.say(
            f"{summary['outcome']} ({verdict}): {summary['reason']}\n"
            f"{summary['delivered_ml']} mL counted, {summary['true_delivered_ml']} mL really delivered, "
            f"{float(summary['window_s']) / 60:.1f} min of flow, {summary['telemetry_messages']} messages, "
            f"alarms: {', '.join(summary['alarms']) or 'none'}\n"
            f"Peak in plasma: {summary['plasma_peak'] or 'not known'}\nReport: {path}"
        )
        if self.as_json:
            say_json(summary)
