"""What the pump's replies mean: lists of variables, and the application errors (fresenius-base-a.md [S])."""

import re

from pumpd.driving import text

_VARIABLE = re.compile(r"(?P<letter>[a-z])(?P<value>[0-9A-F]{1,8})")

ERRORS = {
    "01": text("fresenius_base_a.error_01", "unknown command"),
    "02": text("fresenius_base_a.error_02", "disabled in this mode"),
    "03": text("fresenius_base_a.error_03", "disabled in this status"),
    "04": text("fresenius_base_a.error_04", "syntax"),
    "05": text("fresenius_base_a.error_05", "operating mode not authorised"),
    "06": text("fresenius_base_a.error_06", "mode already active"),
    "07": text("fresenius_base_a.error_07", "new mode disabled in this mode"),
    "08": text("fresenius_base_a.error_08", "parameter out of limit"),
    "09": text("fresenius_base_a.error_09", "new mode disabled in this status"),
    "0A": text("fresenius_base_a.error_0a", "identifier not used"),
    "0B": text("fresenius_base_a.error_0b", "identifier incorrect"),
    "0C": text("fresenius_base_a.error_0c", "message too long"),
    "0D": text("fresenius_base_a.error_0d", "the base's session is not open"),
    "0E": text("fresenius_base_a.error_0e", "no communication with the module is possible"),
    "12": text("fresenius_base_a.error_12", "an alarm is present"),
    "14": text("fresenius_base_a.error_14", "start before a rate was set"),
    "15": text("fresenius_base_a.error_15", "not enough volume for a bolus"),
    "16": text("fresenius_base_a.error_16", "empty-syringe mode is not possible"),
    "1A": text("fresenius_base_a.error_1a", "event number"),
    "1E": text("fresenius_base_a.error_1e", "the module's session is not open"),
    "1F": text("fresenius_base_a.error_1f", "a module is not in manual mode"),
    "20": text("fresenius_base_a.error_20", "command not authorised on this port"),
    "22": text("fresenius_base_a.error_22", "new mode unauthorised"),
    "24": text("fresenius_base_a.error_24", "connection mode"),
    "25": text("fresenius_base_a.error_25", "drug number"),
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
