"""What the pump's replies mean: lists of variables, and the application errors (fresenius-base-a.md [S])."""

import re

_VARIABLE = re.compile(r"(?P<letter>[a-z])(?P<value>[0-9A-F]{1,8})")

ERRORS = {
    "01": "unknown command",
    "02": "disabled in this mode",
    "03": "disabled in this status",
    "04": "syntax",
    "05": "operating mode not authorised",
    "06": "mode already active",
    "07": "new mode disabled in this mode",
    "08": "parameter out of limit",
    "09": "new mode disabled in this status",
    "0A": "identifier not used",
    "0B": "identifier incorrect",
    "0C": "message too long",
    "0D": "the base's session is not open",
    "0E": "no communication with the module is possible",
    "12": "an alarm is present",
    "14": "start before a rate was set",
    "15": "not enough volume for a bolus",
    "16": "empty-syringe mode is not possible",
    "1A": "event number",
    "1E": "the module's session is not open",
    "1F": "a module is not in manual mode",
    "20": "command not authorised on this port",
    "22": "new mode unauthorised",
    "24": "connection mode",
    "25": "drug number",
}


def is_device_type(data: str) -> bool:
    """`b` and a text: the reply to LF;b."""
    return len(data) > 1 and data[0] == "b" and ";" not in data


def variables(data: str) -> dict[str, int]:
    """`d02EE;r00001388` as numbers by letter; empty when any part is something else, or a letter comes twice."""
    values: dict[str, int] = {}
    for part in data.split(";"):
        match = _VARIABLE.fullmatch(part)
        if match is None or match["letter"] in values:
            return {}
        values[match["letter"]] = int(match["value"], 16)
    return values
