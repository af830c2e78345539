"""What Home Assistant learns of this gateway: a device for each pump, and one for the gateway itself. Pure.

It is the device-based discovery of its MQTT integration (https://www.home-assistant.io/integrations/mqtt/, read in
November 2026): one retained message describes a device with all its entities; an empty one removes it.

Promises:
- There are sensors only, and no topic on which Home Assistant could send anything: nothing can be operated from there.
- The entities read what is published anyway. What is not known is shown as unknown, and what is sent late is not shown.
- A simulated pump and a real one of the same name are two devices: Home Assistant keeps an entity's id and its history
  for as long as its device is there.
- No text from outside is part of a template.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pumpd.settings import PumpSettings, Settings
from pumpd.telemetry.messages import READING_EXPIRY_S, STATEMENT, Message, Translator, level

SENSOR, BINARY_SENSOR = "sensor", "binary_sensor"
PLATFORMS = (SENSOR, BINARY_SENSOR)
GATEWAY = "_gateway"  # no pump can have this name

_AVAILABLE = "{{ 'online' if value_json is defined and value_json.state == 'ready' else 'offline' }}"
# An emptied topic makes the state unknown: that is what Home Assistant takes `None` for.
_STATE = "{{ value_json.state if value_json is defined and value_json.state is defined else None }}"

# By the field of a reading: the name of the entity, its unit, and what else Home Assistant needs to know of it.
READINGS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "rate_ml_h": ("Rate", "mL/h", {"state_class": "measurement"}),
    "volume_infused_ml": ("Volume given", "mL", {"device_class": "volume", "state_class": "total_increasing"}),
    "volume_remaining_ml": ("Volume remaining", "mL", {"device_class": "volume_storage", "state_class": "measurement"}),
    "battery_percent": ("Battery", "%", {"device_class": "battery", "state_class": "measurement"}),
    "pressure_mmhg": ("Pressure", "mmHg", {"device_class": "pressure", "state_class": "measurement"}),
}
NOT_EVERYWHERE = frozenset({"battery_percent", "pressure_mmhg"})  # some pumps do not report it


class HomeAssistant:
    """`prefix`: the discovery prefix that Home Assistant listens to."""

    def __init__(self, prefix: str, settings: Settings, translator: Translator, version: str) -> None:
        self._prefix, self._settings, self._translator, self._version = prefix, settings, translator, version
        self._gateway = level(settings.gateway)

    def devices(self, reported: Mapping[str, Collection[str]]) -> list[Message]:
        """`reported`: by pump, the fields of its last reading."""
        found = [Message(self._topic(GATEWAY), self._described(self._of_gateway()), retain=True)]
        for pump in self._settings.pumps:
            described = self._described(self._of_pump(pump, reported.get(pump.name, ())))
            found.append(Message(self._topic(_name(pump)), described, retain=True))
        return found

    def _topic(self, name: str) -> str:
        return f"{self._prefix}/device/{self._gateway}/{name}/config"

    def _identifier(self, *names: str) -> str:
        return "/".join(("pumpd", self._gateway, *names))

    def _described(self, device: Mapping[str, Any]) -> bytes:
        whole = {
            **device,
            "origin": {"name": "pumpd", "sw_version": self._version},
            "availability": [{"topic": self._translator.state_topic, "value_template": _AVAILABLE}],
        }
        return json.dumps(whole, separators=(",", ":")).encode()

    def _device(self, name: str, **more: str) -> dict[str, Any]:
        link = {"configuration_url": url} if (url := tablet_page(self._settings)) else {}
        return {"name": name, "manufacturer": STATEMENT, **more, **link}

    def _of_gateway(self) -> dict[str, Any]:
        own = self._identifier()
        device = self._device(f"pumpd {self._settings.gateway}", model="gateway", sw_version=self._version)
        return {
            "device": {"identifiers": [own], **device},
            "components": dict(_alarms(own, self._translator.active_alarms_topic(""))),
        }

    def _of_pump(self, pump: PumpSettings, reported: Collection[str]) -> dict[str, Any]:
        own, root = self._identifier(_name(pump)), self._translator.pump_root(pump.name)
        simulated = " (SIMULATED)" if pump.simulated else ""
        device = self._device(
            f"{pump.name}{simulated}", model=f"{pump.model}{simulated}", via_device=self._identifier()
        )
        alarms = self._translator.active_alarms_topic(pump.name)
        components = {
            "state": _entity(SENSOR, f"{own}/state", "State", f"{root}/state", _STATE),
            **dict(_readings(own, f"{root}/telemetry", reported)),
            **dict(_alarms(own, alarms)),
            "link_lost": _problem(f"{own}/link_lost", "Link lost", alarms, field="code", value="link_lost"),
        }
        return {"device": {"identifiers": [own], **device}, "components": components}


def _name(pump: PumpSettings) -> str:
    """Which device it is. No pump's own name begins with `_`."""
    return f"_simulated_{level(pump.name)}" if pump.simulated else level(pump.name)


def is_own_device(topic: str, gateway: str) -> bool:
    """Whether a topic describes a device of this gateway, below whatever prefix."""
    return re.search(f"/device/{re.escape(level(gateway))}/[A-Za-z0-9_-]+/config$", topic) is not None


def tablet_page(settings: Settings) -> str:
    """The address of the tablets' page, if its name is configured."""
    bedside = settings.bedside
    return f"https://{bedside.names[0]}:{bedside.port}/" if bedside is not None and bedside.names else ""


def _entity(platform: str, unique_id: str, name: str, topic: str, template: str, **more: Any) -> dict[str, Any]:
    return {
        "platform": platform,
        "unique_id": unique_id,
        "name": name,
        "state_topic": topic,
        "value_template": template,
        **more,
    }


def _readings(own: str, topic: str, reported: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for field, (name, unit, more) in READINGS.items():
        if field in NOT_EVERYWHERE and field not in reported:
            continue
        template = _reading(field)
        about = {"unit_of_measurement": unit, "expire_after": READING_EXPIRY_S, **more}
        yield field, _entity(SENSOR, f"{own}/{field}", name, topic, template, **about)


def _reading(field: str) -> str:
    """A late reading leaves what is shown; where that has expired, it does not come back by it."""
    late = "value_json is not defined or value_json.late is defined"
    shown = "this.state if this is defined and this.state | is_number else None"
    return f"{{% if {late} %}}{{{{ {shown} }}}}{{% else %}}{{{{ value_json.{field} | default(None) }}}}{{% endif %}}"


def _selected(field: str, value: str) -> str:
    return f"selectattr('{field}', 'eq', '{value}') | list"


def _any(field: str, value: str) -> str:
    known = "value_json is defined and value_json.alarms is defined"
    on = f"'ON' if value_json.alarms | {_selected(field, value)} else 'OFF'"
    return f"{{% if {known} %}}{{{{ {on} }}}}{{% else %}}None{{% endif %}}"


def _which(field: str, value: str) -> str:
    alarms = f"(value_json.alarms | default([]) | {_selected(field, value)}) if value_json is defined else []"
    return f"{{{{ {{'alarms': {alarms}}} | tojson }}}}"


def _alarms(own: str, topic: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for priority in ("high", "medium", "low"):
        unique_id = f"{own}/alarm_{priority}"
        name = f"Alarm of {priority} priority"
        yield f"alarm_{priority}", _problem(unique_id, name, topic, field="priority", value=priority)


def _problem(unique_id: str, name: str, topic: str, *, field: str, value: str) -> dict[str, Any]:
    """On while there is an active alarm with this value; the alarms themselves are attributes of the entity."""
    return _entity(
        BINARY_SENSOR,
        unique_id,
        name,
        topic,
        _any(field, value),
        device_class="problem",
        json_attributes_topic=topic,
        json_attributes_template=_which(field, value),
    )
