"""Print what telemetry publishes from its models: docs/reference/telemetry.md, the JSON Schemas of all messages, and an
AsyncAPI 3 document; `--check` compares them.
"""

import json
import sys
from typing import Any, get_args

from pydantic.json_schema import models_json_schema

from pumpd.telemetry import codes
from pumpd.telemetry.messages import READING_EXPIRY_S, REST_EXPIRY_S, STATE_EXPIRY_S, STATE_REFRESH_S, STATEMENT
from pumpd.telemetry.models import (
    EVENTS,
    SCHEMA,
    TOPICS,
    Alarm,
    Event,
    Head,
    OtherEvent,
    PumpState,
    Reading,
    Topic,
    kind_of,
    own_fields,
)
from tools.printed import ROOT, write_or_check

REFERENCE = ROOT / "docs" / "reference"
PAGE, SCHEMAS, ASYNCAPI = (REFERENCE / f"telemetry{end}" for end in (".md", ".schema.json", ".asyncapi.json"))
PREFIX = "pumpd/v1/{gateway}/"
PARAMETERS = {
    "gateway": "the name of the gateway in its configuration",
    "pump": "the name of the pump in the configuration",
    "code": "which alarm",
}

HEAD = """# What pumpd publishes over MQTT

Written by `tools/telemetry_page.py` from `pumpd/telemetry/models.py`; `make check` fails when it is out of date. The
same as data: [JSON Schemas](telemetry.schema.json), [AsyncAPI 3](telemetry.asyncapi.json).

The telemetry process reads the journal and publishes it to one broker, MQTT 5. **No command comes in over MQTT**
(RUN-18). The process subscribes to one topic, its own gateway's `$state`, and all that follows from what it hears there
is which messages it repeats, a log line and a LOW alarm. Measurements may come in: [vital signs](vital-signs.md) are
received by another process, which can hand nothing else to control. pumpd is for simulation, research and integration:
it is not a cleared medical device, and its alarms over MQTT are no substitute for the pump's own.

**MQTT is not the durable link.** A broker may lose what it acknowledged: mosquitto, killed under load, lost up to 3,902
such messages. The durable record is the gateway's [journal](journal.md), and the store of a ward. What pumpd does about
it is under [Losses](#losses).

## Topics

Everything is below `pumpd/v1/<gateway>/`. `<gateway>` and `<pump>` are the names in the configuration. Any character
other than a letter, a digit, `_` or `-` would become `_`.

"""

STATE = f"""
Every message is published at QoS 1, with content type `application/json` and the user property `schema` = `{SCHEMA}`.
Fields may be added within v1. A field is removed or changes its meaning only with a new version, in the schema and in
the topic.

**Retained topics are state.** On every connection everything that is true is retained again: every active alarm, the
state of every pump, the description. What was cleared, has ended, was renamed or is no longer configured is emptied,
also when an earlier run retained it: telemetry keeps a list of the topics that it retained. So a broker may lose its
store, and the list of topics is right again as soon as the gateway is back. After a gateway itself was renamed, the
topics under its old name are emptied once, where the broker allows it; otherwise the log names them.

While flow may occur, the state is published again by a reading every {STATE_REFRESH_S} s. When it expires, after
{STATE_EXPIRY_S} s, the pump's state is unknown, and telemetry empties the topic, so that a connected subscriber learns
it as well. An alarm stays retained when the gateway dies: read it together with `$state`.

With `mqtt.home_assistant`, the gateway and its pumps are also [described to Home
Assistant](../how-to/home-assistant.md), below `<prefix>/device/<gateway>/`. [`pumpd watch
--mqtt`](../how-to/watch-over-mqtt.md) shows what is published in a terminal.

## Fields of every entry

"""

ORDER = f"""
One entry can go out on two topics with the same `seq` (a state change is also an event).

**The newest goes first.** After a broken connection, new entries are published as they happen, and what was missed
follows behind them with `late`, in order, with its original times. Do not show a message with `late` as the present. A
reading expires at the broker after {READING_EXPIRY_S} s, late or not. On a slow link no more is in flight than it
carries in half a second, so that a new alarm does not queue behind history. Where a link cannot carry all readings, the
newest are sent and the others follow when there is room.

## Losses

- The cursor moves past an entry only when the broker has acknowledged it and all before it. No entry is left out, in
  whatever order they are sent: a `seq` that is missing below `pumpd/v1/<gateway>/#` in one `boot` is a loss.
- After a lost connection, what was acknowledged within the last `resend_s` seconds (30) is published again, because the
  broker may have died with it; after a kill or a power failure of the gateway, at least as much. Tell entries apart by
  `boot` and `seq`. mosquitto writes its store every half hour by default: set `autosave_interval` below `resend_s`, as
  `config/mosquitto` does.
- With `requires_subscriber`, an acknowledgement "no matching subscribers" does not count, and telemetry keeps the entry
  until a subscriber is there.
- A broker that takes small packets gets the fields that fit, with `cut`. Where not even they fit, nothing is published
  and the log says how large a packet the broker takes.
- What the broker accepts, keeps for a subscriber and then loses later than that, pumpd does not learn of.

## Fields by kind

Numbers are JSON numbers, with the unit in the name.

"""

FOOT = """
Nothing else leaves the gateway: no name, no weight, no dose, no patient token, and no text that a person typed
(AUD-09). Text that comes from a pump is published without control characters and cut at 200 characters.

## Names and codes of IHE PCD and IEEE 11073-10101

A code is published only when two independent public sources agree on it (AUD-07). In events, `mdc` names the begin and
the end of a delivery segment; in `$description`, `mdc` says what fields of a reading are.

"""

END = """
## Birth and will

`$state` is retained: the birth and the will of one connection have the same `boot`, `session` and `machine`. A `lost`
whose `session` is not the one of the last `ready` belongs to an older connection; the gateway replaces it as soon as it
hears it.

Two gateways with one name, such as a copied card, are both connected, because the machine is part of the client
identifier. Each hears the other's birth and repeats its own every 30 s, so `$state` changes between two machines. Both
say it in their log (`gateway_name_taken`), in `pumpd status` and on their tablets (`name_taken`, LOW), until the other
has been silent for 90 s. Both continue to publish: what is retained then changes between the two. Rename one of them.

## The anchor

`$anchor` names a journal entry and its hash, never ahead of what was published. It is published when everything else
is, at most once a minute, and after the last entry; the same line goes to the gateway's system log. Stored where the
gateway cannot write, it reveals a journal whose newest entries were cut off, or that was rewritten (AUD-03):
`pumpd journal verify --anchor SEQ:HASH`. The broker keeps only the newest; [the journal's page](journal.md) explains
how to store them all.

## The broker

`config/mosquitto/` has an example: TLS 1.3 with a certificate for each client, and an ACL that lets a gateway publish
below its own topic, and read only its own `$state`. The tests run this file as it is. If the password is wrong or an
ACL forbids a topic, telemetry logs `broker_unavailable` once for each cause and keeps trying (after 0.5 s, then up to
30 s apart, with jitter). With an older ACL, which lets it read nothing, it works and cannot notice a second gateway of
its name.
"""


def _what(annotation: Any) -> str:
    values = [value for each in (annotation, *get_args(annotation)) for value in get_args(each)]
    words = [f"`{value}`" for value in values if isinstance(value, str)]
    return f" ({', '.join(words)})" if words else ""


def _fields(model: type[Head], names: tuple[str, ...]) -> str:
    by_name = {each.alias or name: each for name, each in model.model_fields.items()}
    return "; ".join(f"`{name}`: {by_name[name].description}{_what(by_name[name].annotation)}" for name in names)


def page() -> str:
    topics = "".join(
        f"| `{each.path.replace('{', '<').replace('}', '>')}` | {each.what} | {'yes' if each.retained else 'no'} "
        f"| {each.expires} |\n"
        for each in TOPICS
    )
    head = "".join(f"| `{name}` | {each.description} |\n" for name, each in Head.model_fields.items())
    head += "| `kind` | on `events`: what happened, as in the journal |\n"
    rows: list[tuple[str, type[Head]]] = [
        ("reading", Reading),
        ("on the topic `state`", PumpState),
        ("on a topic of an alarm", Alarm),
    ]
    rows += [(f"`{kind_of(model)}`", model) for model in EVENTS]
    kinds = "".join(f"| {title} | {_fields(model, own_fields(model))} |\n" for title, model in rows)
    kinds += f"| any other | {_fields(OtherEvent, own_fields(OtherEvent))}; each if the entry has it |\n"
    table = "".join(
        f"| `{code.name}` | {code.number or '-'} | {'yes' if code.verified else 'no'} | {code.where} |\n"
        for code in codes.TABLE
    )
    table += "".join(
        f"| unit {unit.symbol} | {unit.number} | yes | {unit.where} |\n" for unit in (codes.ML, codes.ML_H)
    )
    return (
        HEAD
        + "| Topic | What | Retained | Expires after |\n|---|---|---|---|\n"
        + topics
        + STATE
        + "| Field | Meaning |\n|---|---|\n"
        + head
        + ORDER
        + "| Kind | Fields |\n|---|---|\n"
        + kinds
        + FOOT
        + "| Name | Code | Code is sent | Where it is from |\n|---|---|---|---|\n"
        + table
        + END
    )


def _models(topic: Topic) -> tuple[Any, ...]:
    return (*EVENTS, OtherEvent) if topic.model is Event else (topic.model,)


def schemas(where: str) -> tuple[dict[str, str], dict[str, Any]]:
    """The name of each model's schema, and all schemas. `where`: how one refers to another."""
    wanted = list(dict.fromkeys(model for topic in TOPICS for model in _models(topic)))
    found, defined = models_json_schema([(model, "validation") for model in wanted], ref_template=where + "{model}")
    names = {model.__name__: each["$ref"].removeprefix(where) for (model, _), each in found.items()}
    return names, defined["$defs"]


def asyncapi() -> dict[str, Any]:
    names, defined = schemas("#/components/schemas/")
    messages = {
        name: {
            "name": name,
            "contentType": "application/json",
            "payload": {"$ref": f"#/components/schemas/{schema}"},
            "bindings": {"mqtt": {"bindingVersion": "0.2.0"}},
        }
        for name, schema in names.items()
    }
    channels, operations = {}, {}
    for topic in TOPICS:
        title = topic.path.replace("$", "").replace("/", "_").replace("{", "").replace("}", "")
        address = PREFIX + topic.path
        channels[title] = {
            "address": address,
            "description": f"{topic.what}. Expires: {topic.expires}{', retained' if topic.retained else ''}.",
            "parameters": {
                name: {"description": text} for name, text in PARAMETERS.items() if f"{{{name}}}" in address
            },
            "messages": {
                model.__name__: {"$ref": f"#/components/messages/{model.__name__}"} for model in _models(topic)
            },
        }
        operations[f"publish_{title}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{title}"},
            "bindings": {"mqtt": {"qos": 1, "retain": topic.retained, "bindingVersion": "0.2.0"}},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "pumpd telemetry", "version": SCHEMA.rpartition(".v")[2] + ".0.0", "description": STATEMENT},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": defined},
    }


def schema() -> dict[str, Any]:
    names, defined = schemas("#/$defs/")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "description": STATEMENT,
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in names.values()],
        "$defs": defined,
    }


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    printed = {PAGE: page(), SCHEMAS: _json(schema()), ASYNCAPI: _json(asyncapi())}
    assert REST_EXPIRY_S == 86_400, "the models say a day"
    sys.exit(max(write_or_check(file, text) for file, text in printed.items()))
