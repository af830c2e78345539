"""What may leave a gateway in a bundle for support: an allow-list for each source. What is not named here is left out.

Promises:
- No key, password, PIN hash, patient token, wristband, name or badge is in what these functions return, whatever is in
  their sources. A text passes only if it is one of a known set, or a place in the program.
- A person is a code that is the same within one bundle, and means nothing outside of it.
"""

import errno
import hmac
import json
import os
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pumpd.doctor.line import Check, as_json
from pumpd.infusion import State as InfusionState
from pumpd.pump import AlarmCode, PumpState
from pumpd.settings import Settings

LEFT_OUT = "(left out)"

# Texts of the configuration that say nothing about a person, by their full key. Numbers and yes or no always pass.
TEXTS = frozenset(
    {
        *("gateway", "state_dir", "library_dir", "care_area", "socket", "tablet_socket", "vitals_socket"),
        *("mqtt.host", "mqtt.ca_file", "mqtt.client_cert", "mqtt.client_key", "mqtt.password_file"),
        *("fleet.host", "fleet.others", "fleet.ca_file", "fleet.client_cert", "fleet.client_key"),
        *("fleet.password_file", "mqtt.home_assistant", "metrics.host", "metrics.socket"),
        *("vitals.broker.host", "vitals.broker.ca_file", "vitals.broker.client_cert"),
        *("bedside.host", "bedside.names", "bedside.tls_cert", "bedside.tls_key"),
        *("alarm.output", "supply.sysfs", "hardware.acknowledged"),
        *("pumps.name", "pumps.driver", "pumps.port", "pumps.model", "pumps.serial"),
    }
)
PEOPLE = frozenset({"by", "badge", "person", "nurse", "confirmed_by", "ordered_by", "acknowledged_by"})
NUMBERS = frozenset({"mono", "exit_status", "after_s", "tries", "entries_kept", "published_up_to", "handed_over"})
PROCESSES = frozenset({"control", "bedside", "telemetry", "vitals"})
STATES = frozenset(each.value for each in (*PumpState, *InfusionState))
CODES = frozenset(each.value for each in AlarmCode)
KNOWN_ERRORS = tuple(sorted({os.strerror(number) for number in errno.errorcode}, key=len, reverse=True))

_EVENT = re.compile(r"[a-z][a-z0-9_]{0,60}")
_TIME = re.compile(r"[0-9T:.+-]{10,40}")
_PLACE = re.compile(r'^\s*File "([^"]+\.py)", line ([0-9]+), in ([A-Za-z_<>][A-Za-z0-9_<>]*)')
_ERROR = re.compile(r"^((?:[A-Za-z_][A-Za-z0-9_]*\.)*[A-Z][A-Za-z0-9]*(?:Error|Exception|Exit|Interrupt))\b")
# Of the kernel: the bus, the serial adapters, the power, the card, and what it killed. Not what a device calls itself.
_KERNEL = re.compile(
    r"\b(usb [0-9.-]+: (?!Product|Manufacturer|SerialNumber)|ttyUSB|ttyACM|ttyAMA|ttyS[0-9]|ftdi_sio|cp210x|ch341|"
    r"pl2303|cdc_acm|xhci|dwc_otg|[Uu]ndervoltage|[Uu]nder-voltage|Voltage normalised|hwmon|thermal|mmc[0-9]|mmcblk|"
    r"EXT4-fs|I/O error|Out of memory|oom-kill|watchdog|rtc[0-9]?)"
)
_NAMES_ITSELF = re.compile(r"Product:|Manufacturer:|SerialNumber:|input:|task=|Killed process")


class People:
    """Codes for people, the same for one person within a bundle. The key is kept nowhere."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def code(self, who: str) -> str:
        return f"person-{hmac.digest(self._key, who.encode(), 'sha256').hex()[:8]}"


def settings_shown(settings: Settings) -> dict[str, Any]:
    """The configuration: every key, with the values that say nothing about a person."""
    return {name: _setting(getattr(settings, name), name) for name in type(settings).model_fields}


def _setting(value: Any, key: str) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str() | Path():
            return str(value) if key in TEXTS else LEFT_OUT
        case BaseModel():
            return {name: _setting(getattr(value, name), f"{key}.{name}") for name in type(value).model_fields}
        case tuple():
            return [_setting(each, key) for each in value]
        case Mapping() if key == "pumps.settings":
            return {str(name): each if isinstance(each, bool | int) else LEFT_OUT for name, each in value.items()}
        case Mapping():
            return f"{len(value)} {LEFT_OUT}"
        case _:
            return LEFT_OUT


def places_of(problems: Iterable[str]) -> list[str]:
    """Of each error in the configuration its file and line; the rest may hold what was written there."""
    return [
        found[1] if (found := re.match(r"(/[A-Za-z0-9_./-]+\.toml:[0-9]+): ", each)) else LEFT_OUT for each in problems
    ]


def check_shown(check: Check, *, outside: bool) -> dict[str, Any]:
    """A line of the doctor. What may hold text from outside is left out; its state says enough."""
    shown = as_json(check)
    return shown | {"found": LEFT_OUT, "what_to_do": ""} if outside and check.found else shown


def pump_shown(pump: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The state of a pump: known words and numbers."""
    infusion, test = pump.get("infusion") or {}, pump.get("self_test") or {}
    return {
        "pump": _one_of(pump.get("pump"), names),
        "simulated": pump.get("simulated") is True,
        "pump_state": _one_of(pump.get("pump_state"), STATES),
        "stopped": pump.get("stopped") is True,
        "age_s": _number(pump.get("age_s")),
        "link": _one_of((pump.get("links") or {}).get("pump"), ("ok", "lost")),
        "available": not pump.get("problem"),
        "identified": not pump.get("to_identify"),
        "loss_of_control": [
            _one_of(each, ("native", "deadman", "vtbi_only")) for each in pump.get("loss_of_control", ())
        ],
        "alarms": alarms_shown(pump.get("alarms", ())),
        "infusion": _one_of(infusion.get("state"), STATES) if infusion else None,
        "self_test": {_word(each.get("what")): _word(each.get("state")) for each in test.get("results", ())},
    }


def alarms_shown(alarms: Iterable[Mapping[str, Any]]) -> list[str]:
    return [_one_of(each.get("code"), CODES) for each in alarms]


def _one_of(value: Any, known: Collection[str]) -> str:
    return value if isinstance(value, str) and value in known else LEFT_OUT


def _word(value: Any) -> str:
    known = ("speaker", "clock", "disk", "watchdog", "hardware_watchdog", "deadman", "stop_path")
    return _one_of(value, (*known, "passed", "failed", "absent"))


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


# -- logs ------------------------------------------------------------------------------------------------------------


def log_shown(entry: Mapping[str, Any], pumps: Collection[str], people: People) -> dict[str, Any] | None:
    """A line of journald for a unit of pumpd, as `journalctl -o json` prints it; None when nothing of it may pass."""
    message = entry.get("MESSAGE")
    shown = {"at_us": int(entry["__REALTIME_TIMESTAMP"])} if str(entry.get("__REALTIME_TIMESTAMP")).isdigit() else {}
    if not isinstance(message, str):  # bytes that are no text
        return None
    if entry.get("_PID") == "1" and entry.get("_UID") == "0":
        return {**shown, "systemd": message}  # it speaks of units only
    try:
        event = json.loads(message.partition("{")[1] + message.partition("{")[2])
    except (ValueError, RecursionError):
        event = None
    if isinstance(event, dict):
        return {**shown, **event_shown(event, pumps, people)}
    if found := _PLACE.match(message):
        return {**shown, "place": _place(found)}
    if found := _ERROR.match(message):
        return {**shown, "error": found[1]}
    return None


def event_shown(event: Mapping[str, Any], pumps: Collection[str], people: People) -> dict[str, Any]:
    """An event of pumpd's log: its name, known words, numbers, and from sentences only what the system itself says."""
    shown: dict[str, Any] = {}
    for key, value in event.items():
        match key, value:
            case "event", str() if _EVENT.fullmatch(value):
                shown[key] = value
            case "level", "debug" | "info" | "warning" | "error" | "critical":
                shown[key] = value
            case "ts", str() if _TIME.fullmatch(value):
                shown[key] = value
            case "pump", str() if value in pumps:
                shown[key] = value
            case "process", str() if value in PROCESSES:
                shown[key] = value
            case "code", str() if value in CODES:
                shown[key] = value
            case (("state" | "pump_state"), str()) if value in STATES:
                shown[key] = value
            case (("why" | "error"), str()):
                shown[key] = [each for each in KNOWN_ERRORS if each in value] or LEFT_OUT
            case "exception", list():
                shown[key] = [_exception(each) for each in value if isinstance(each, dict)]
            case str(), str() if key in PEOPLE:
                shown[key] = people.code(value)
            case str(), (int() | float()) if key in NUMBERS:
                shown[key] = value
    return shown


def _exception(given: Mapping[str, Any]) -> dict[str, Any]:
    """Its kind and where it was raised. Its text may hold anything."""
    kind = given.get("exc_type")
    return {
        "kind": kind if isinstance(kind, str) and _ERROR.fullmatch(kind) else LEFT_OUT,
        "frames": list(_frames(given.get("frames"))),
    }


def _frames(frames: Any) -> Iterator[str]:
    for each in frames if isinstance(frames, list) else ():
        text = f'File "{each.get("filename")}", line {each.get("lineno")}, in {each.get("name")}'
        found = _PLACE.fullmatch(text)
        yield _place(found) if found else LEFT_OUT


def _place(found: re.Match[str]) -> str:
    """The file with the folders around it, the line, and the function."""
    return f"{'/'.join(Path(found[1]).parts[-3:])}:{found[2]} {found[3]}"


def kernel_shown(line: str) -> bool:
    """Whether a line of the kernel's log is about buses, serial adapters, power, disks or memory."""
    return bool(_KERNEL.search(line)) and not _NAMES_ITSELF.search(line)
