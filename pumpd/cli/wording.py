"""How an infusion is shown to a person on a terminal: the review before a confirmation, and the status."""

from decimal import Decimal
from typing import Any

from pumpd.quantities import plain


def minutes(seconds: float | str | Decimal) -> str:
    """Seconds as min:s, as on a clock."""
    whole = int(Decimal(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def review_lines(review: dict[str, Any]) -> list[tuple[str, str]]:
    """What a nurse must see before confirming, each as a label and a text (STA-16)."""
    steps = review["steps"]
    rates = ", then ".join(f"{step['volume_ml']} mL at {step['rate_ml_h']} mL/h" for step in steps)
    held = review["read_back"]
    lines = [
        ("patient", review["patient"]),
        ("drug", f"{review['drug']} {review['concentration_mg_ml']} mg/mL ({review['entry']})"),
        ("dose", _dose(review)),
        ("weight", f"{review['weight_kg']} kg, {review['weight_basis']}"),
        ("volume", f"{review['vtbi_ml']} mL from {review['container']}"),
        ("rate", rates if len(steps) > 1 else f"{steps[0]['rate_ml_h']} mL/h"),
        ("duration", f"{minutes(review['duration_s'])} min"),
        ("pump", f"{review['pump']}, {review['model']}, serial {review['serial']}"),
        ("read back", "equal to the order, step for step" if held == steps else "not yet"),
        ("if the gateway dies", _loss_of_control(review["loss_of_control"])),
        ("library", f"version {review['library_version']}, {review['care_area']}")
        if review["library_version"]
        else ("library", "UNSIGNED"),
        ("ordered by", _ordered(review)),
        ("digest", review["digest"][:16]),
    ]
    if Decimal(review["given_before_ml"]):
        lines.insert(5, ("given before", f"{review['given_before_ml']} mL"))
    if review["simulated"]:
        lines.insert(0, ("SIMULATED", "this pump is a simulation"))
    lines += [("note", warning) for warning in review["warnings"]]
    return lines


def _dose(review: dict[str, Any]) -> str:
    whole = (
        f"{review['first_dose_mg'] or review['dose_mg']} mg = {review['dose_mg_kg']} mg/kg x {review['weight_kg']} kg"
    )
    return f"{review['dose_mg']} mg, the rest of {whole}" if review["first_dose_mg"] else whole


def _ordered(review: dict[str, Any]) -> str:
    when = review["ordered_ts"]
    return f"{review['ordered_by']}, {when}" if when else str(review["ordered_by"])


def _loss_of_control(classes: list[str]) -> str:
    texts = {
        "native": "the pump's own watchdog stops it",
        "deadman": "the deadman process stops the pump, while the gateway has power",
        "vtbi_only": "the pump continues to the programmed volume",
    }
    return "; ".join(texts[each] for each in classes) or "not known"


def plasma_peak(plasma: dict[str, Any] | None) -> str:
    """The estimated peak with its label; empty without an estimate (PRG-23)."""
    if plasma is None:
        return ""
    return f"{plasma['peak_low_ng_ml']} to {plasma['peak_high_ng_ml']} ng/mL, {plasma['note']}"


def review_text(review: dict[str, Any]) -> str:
    return "\n".join(f"  {label:<20} {text}" for label, text in review_lines(review))


def status_text(status: dict[str, Any]) -> str:
    """All pumps of a gateway, a few lines each."""
    lines = [f"gateway {status['gateway']}, journal {status['journal']}; {status['notice']}"]
    lines += [_library(status["library"]), _configuration(status["configuration"])]
    if status["time_scale"] != 1:
        lines.append(f"SIMULATED TIME: {status['time_scale']} times faster than real time")
    if status["supply"] is not None:
        lines.append(f"supply: {_supply(status['supply'])}")
    if status["certificate"] is not None and status["certificate"]["ending"]:
        lines.append(_certificate(status["certificate"]))
    lines += [alarm_line(alarm) for alarm in status["alarms"]]
    for pump in status["pumps"]:
        lines += pump_lines(pump)
    return "\n".join(lines)


def _supply(supply: dict[str, Any]) -> str:
    left = supply["left_min"]
    lasts = "for an unknown time" if left is None else f"{left} min left"
    source = {"mains": "mains", "battery": f"battery, {lasts}", "unknown": "not known"}[supply["source"]]
    return source + (", voltage too low" if supply["under_voltage"] else "")


def _certificate(certificate: dict[str, Any]) -> str:
    return (
        f"certificate: ends on {certificate['until_ts'][:10]}, in {certificate['days_left']} days; then no tablet "
        "reaches this gateway. Renew it: `sudo pumpd tls`"
    )


def alarm_line(alarm: dict[str, Any]) -> str:
    return f"  {alarm['priority'].upper()}: {alarm['cause']}. {alarm['action']}."


def _library(library: dict[str, Any]) -> str:
    """Which library is in use, and why it cannot be used for a start, if so."""
    signed = f"version {library['version']} for {library['care_area']}" if library["version"] else "UNSIGNED"
    return "\n".join([f"library {signed}, {library['digest'][:16]}", *(f"  {why}" for why in library["problems"])])


def _configuration(found: dict[str, Any]) -> str:
    """Whether the configuration in use is signed, and why it cannot be used for a start, if so."""
    signed = f"signed with the key {found['key']}" if found["key"] else "not signed"
    return "\n".join([f"configuration {signed}, {found['digest'][:16]}", *(f"  {why}" for why in found["problems"])])


def _idle(pump: dict[str, Any]) -> str:
    """What a pump without an infusion does: a reading from before it was lost says nothing about now."""
    state, age_s = pump["pump_state"], pump["age_s"]
    if pump["links"]["pump"] == "ok":
        return f"no infusion; pump {state or 'not read yet'}"
    last = f"last seen {state}, {age_s:.0f} s ago" if state and age_s is not None else "never read"
    return f"ABSENT: it does not answer, so what it does is not known; {last}. No infusion"


def pump_lines(pump: dict[str, Any]) -> list[str]:
    simulated = "SIMULATED " if pump["simulated"] else ""
    lines = [f"{pump['pump']}: {simulated}{pump['model']} ({pump['driver']}), serial {pump['serial']}"]
    if pump["proved_by"]:
        lines[0] += f", identified by {pump['proved_by']}"
    if pump["problem"]:
        lines.append(f"  not available: {pump['problem']}")
    if pump["to_identify"]:
        lines.append(f"  not known which pump answers: {pump['to_identify']} (pumpd identify --pump {pump['pump']})")
    lines.append(f"  patient: {pump['patient'] or 'none'}")
    alarms = [alarm_line(alarm) for alarm in pump.get("alarms", ())]  # an answer to a request has none
    infusion = pump["infusion"]
    if infusion is None:
        return [*lines, f"  {_idle(pump)}", *alarms]
    lines.append(f"  {infusion['state']}: {infusion['reason']}")
    lines.append(
        f"  {infusion['delivered_ml']} of {infusion['prescribed_ml']} mL given, {infusion['rate_ml_h']} mL/h, "
        f"{minutes(infusion['running_s'])} min of flow"
    )
    if infusion["may_flow"]:
        lease = infusion["lease_s"]
        given = plain(Decimal(infusion["booked_ml"]))
        lines.append(f"  lease {lease if lease is not None else 'none'} s, at most {given} mL can have been given")
    if plasma := pump.get("plasma"):
        lines.append(f"  plasma {plasma['low_ng_ml']} to {plasma['high_ng_ml']} ng/mL, {plasma['note']}")
    if rest := pump["rest"]:
        lines.append(
            f"  left of treatment {rest['treatment']}: {rest['left_mg']} mg = {rest['left_ml']} mL, until "
            f"{rest['until_ts']} (pumpd rest --pump {pump['pump']} --treatment {rest['treatment']})"
        )
    return [*lines, *alarms]
