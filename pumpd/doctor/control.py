"""What control itself says of the pumps: asked once, with a request that changes nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

from pumpd.doctor.facts import Facts
from pumpd.doctor.line import Finding, Group, bad, line, not_checked, ok, problem, warning

NO_STATUS = "control did not answer"


def _pumps(facts: Facts) -> list[Mapping[str, Any]]:
    return list(facts.control.status["pumps"]) if facts.control.status is not None else []


@line(
    "control.answers",
    "Control answers",
    when="it does not answer on its socket: no pump is watched then",
    to_do="Go to the pumps first. Then `systemctl status pumpd-control` and `journalctl -u pumpd-control -b`.",
)
def _answers(facts: Facts) -> Iterator[Finding]:
    if facts.control.status is not None:
        yield ok(f"gateway {facts.control.status['gateway']}")
    elif facts.control.denied or facts.settings is None:
        yield not_checked(facts.control.why)
    else:
        yield bad(facts, facts.control.why)


@line(
    "control.alarms",
    "Alarms",
    when="an alarm is active; red for HIGH and MEDIUM",
    to_do="Do what the alarm says.",
    outside=True,
)
def _alarms(facts: Facts) -> Iterator[Finding]:
    status = facts.control.status
    if status is None:
        yield not_checked(NO_STATUS)
        return
    active = [("", each) for each in status["alarms"]]
    active += [(pump["pump"], each) for pump in _pumps(facts) for each in pump["alarms"]]
    for pump, alarm in active:
        found = f"{alarm['priority'].upper()}: {alarm['cause']}"
        made = warning if alarm["priority"] == "low" else problem
        yield made(found, f"{alarm['action']}.", of=pump)
    if not active:
        yield ok("none")


@line(
    "control.journal",
    "Control's journal",
    when="control cannot write its journal, or does not trust it",
    to_do="See the lines of the disk and the journal here; then restart control when no infusion runs.",
    outside=True,
)
def _journal(facts: Facts) -> Iterator[Finding]:
    status = facts.control.status
    if status is None:
        yield not_checked(NO_STATUS)
    elif status["journal"] == "ok":
        yield ok("it writes")
    else:
        yield problem(str(status["journal"]))


@line(
    "control.in_use",
    "Library and configuration in use",
    when="control has loaded another library or configuration than is on the disk, or may not use it for a start",
    to_do="Restore what is loaded, or restart control when no infusion runs and no patient is under observation.",
    outside=True,
)
def _in_use(facts: Facts) -> Iterator[Finding]:
    status = facts.control.status
    if status is None:
        yield not_checked(NO_STATUS)
        return
    against = [each for part in ("library", "configuration") for each in status.get(part, {}).get("problems", ())]
    for each in against:
        yield bad(facts, each)
    if not against:
        yield ok("as on the disk")


@line(
    "pump.available",
    "Pump",
    when="it does not answer, is not the configured one, or is not identified",
    to_do="Switch it on, check its cable, and compare its settings with docs/reference/drivers.md.",
    outside=True,
)
def _available(facts: Facts) -> Iterator[Finding]:
    if facts.control.status is None:
        yield not_checked(NO_STATUS)
    for pump in _pumps(facts):
        if pump["problem"]:
            yield problem(pump["problem"], of=pump["pump"])
        elif pump["to_identify"]:
            yield warning(
                f"not known which pump answers: {pump['to_identify']}",
                f"Run `pumpd identify --pump {pump['pump']}` at the pump.",
                of=pump["pump"],
            )
        elif pump["links"]["pump"] != "ok":
            yield warning("it does not answer", of=pump["pump"])
        else:
            simulated = "SIMULATED, " if pump["simulated"] else ""
            yield ok(f"{simulated}{pump['model']}, serial {pump['serial']}", of=pump["pump"])


@line(
    "pump.loss_of_control",
    "If the gateway dies",
    when="only the programmed volume ends the flow",
    to_do="Fit a line clamp that closes by itself, or use a pump with a watchdog of its own.",
)
def _loss_of_control(facts: Facts) -> Iterator[Finding]:
    if facts.control.status is None:
        yield not_checked(NO_STATUS)
    for pump in _pumps(facts):
        losses, text = pump["loss_of_control"], pump["loss_of_control_text"]
        if not losses:
            yield not_checked("not known before the pump has answered", of=pump["pump"])
        elif set(losses) == {"vtbi_only"}:
            yield warning(text, of=pump["pump"])
        else:
            yield ok(text, of=pump["pump"])


@line(
    "pump.self_test",
    "Self-test",
    when="the last one failed: no order is taken",
    to_do="Repair what it names, then run `pumpd self-test --pump NAME`.",
    outside=True,
)
def _self_test(facts: Facts) -> Iterator[Finding]:
    if facts.control.status is None:
        yield not_checked(NO_STATUS)
    for pump in _pumps(facts):
        last, name = pump["self_test"], pump["pump"]
        if last is None:
            yield not_checked("none since control started; each order runs it", of=name)
        elif last["passed"]:
            yield ok(f"passed, {last['ts'][:19]} UTC", of=name)
        else:
            failed = [f"{each['what']}: {each['detail']}" for each in last["results"] if each["state"] == "failed"]
            yield problem("; ".join(failed), _self_test.to_do.replace("NAME", name), of=name)


GROUP = Group("Control and pumps", (_answers, _alarms, _journal, _in_use, _available, _loss_of_control, _self_test))
