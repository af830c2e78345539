"""The description of the API (OpenAPI 3.1), made from the models that check each request.

`tools/tablet_api.py` prints it as openapi.json, which is what bedside serves.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from pumpd.bedside import bodies
from pumpd.bedside.sessions import COOKIE
from pumpd.messages.requests import DISCLAIMER
from pumpd.messages.tablet import inner

_REF = "#/components/schemas/"
_MEANING = {
    200: "done",
    400: "the connection broke off during the body",
    401: "the tablet must prove its key first",
    403: "not allowed",
    404: "not found",
    405: "this path does not have that method",
    408: "the body did not arrive in time",
    409: "control refused; every reason is given",
    413: "the body is too large",
    422: "the body is malformed",
    502: "the simulator does not answer",
    503: "control does not answer: go to the pump; or too many requests are in progress: try again",
}
_ALWAYS = (400, 405, 503)


def description(version: str) -> Mapping[str, Any]:
    """`version`: of pumpd."""
    schemas: dict[str, Any] = {}
    for kind in (bodies.AnswerBody, *bodies.ALL):
        schemas |= _schema(kind)
    inner_schema = inner().json_schema(ref_template=_REF + "{model}")
    schemas |= inner_schema.pop("$defs", {}) | {"InnerRequest": inner_schema}
    cookie: dict[str, Any] = {"cookie": []}
    paths = {
        "/api/stop": {
            "post": _does(
                "Stop the pump in the query, or all pumps. Needs nothing. A body is read only if there is no query.",
                (403, 404),
                "StopBody",
                needed=False,
            )
            | {"parameters": [_parameter("pump", "query"), _parameter("reason", "query")]}
        },
        "/api/openapi.json": {"get": _document("This description", "application/json")},
        "/api/about": {"get": _does("The gateway, and whether it knows this tablet", ())},
        "/api/pair": {"post": _does("Answer in the open pairing window", (408, 409, 413, 422), "OfferBody")},
        "/api/pair/reveal": {"post": _does("Show the key of this answer", (408, 409, 413, 422), "RevealBody")},
        "/api/pair/{window}": {"get": _does("The state of the pairing", (404, 409, 422), parameters=["window"])},
        "/api/nonce": {"get": _does("A nonce for the next signed request: valid once, for 2 s", (409,))},
        "/api/hello": {"post": _does("Prove the key; sets the cookie", (408, 409, 413, 422), "HelloBody")},
        "/api/live": {
            "get": _document("The live state, continued after `Last-Event-ID` or `after`", "text/event-stream")
            | {"security": [cookie], "parameters": [_parameter("after", "query"), _parameter("language", "query")]}
        },
        "/api/library": {"get": _does("What may be ordered", (401, 409), security=cookie)},
        "/api/request": {
            "post": _does(
                "A signed request; its text is an InnerRequest",
                (401, 403, 408, 409, 413, 422),
                "RequestBody",
                security=cookie,
            )
        },
        "/api/alive": {"post": _does("This tablet is still connected; sent every 2 s", (401, 409), security=cookie)},
        "/api/bench/speed": {
            "post": _does(
                "How fast the simulated pumps run", (401, 403, 404, 408, 413, 422, 502), "BenchSpeed", security=cookie
            )
        },
        "/api/bench/{pump}": {
            "get": _does(
                "True and read values, faults, speed and the wire of a simulated pump",
                (401, 403, 404, 422, 502),
                security=cookie,
                parameters=["pump"],
            )
        },
        "/api/bench/{pump}/fault": {
            "post": _does(
                "Turn a fault on or off",
                (401, 403, 404, 408, 413, 422, 502),
                "BenchFault",
                security=cookie,
                parameters=["pump"],
            )
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "pumpd bedside", "version": version, "description": f"pumpd is {DISCLAIMER}."},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE}},
        },
    }


def _schema(kind: type[BaseModel]) -> dict[str, Any]:
    schema = kind.model_json_schema(
        ref_template=_REF + "{model}", mode="serialization" if kind is bodies.AnswerBody else "validation"
    )
    more: dict[str, Any] = schema.pop("$defs", {})
    return more | {kind.__name__: schema}


def _does(
    summary: str,
    statuses: tuple[int, ...],
    body: str = "",
    *,
    needed: bool = True,
    security: dict[str, Any] | None = None,
    parameters: list[str] | None = None,
) -> dict[str, Any]:
    answer = {"application/json": {"schema": {"$ref": _REF + "AnswerBody"}}}
    found: dict[str, Any] = {
        "summary": summary,
        "responses": {
            str(status): {"description": _MEANING[status], "content": answer}
            for status in sorted({200, *statuses, *_ALWAYS})
        },
    }
    if body:
        schema = {"application/json": {"schema": {"$ref": _REF + body}}}
        found["requestBody"] = {"required": needed, "content": schema}
    if security:
        found["security"] = [security]
    if parameters:
        found["parameters"] = [_parameter(name, "path") for name in parameters]
    return found


def _document(summary: str, kind: str) -> dict[str, Any]:
    answer = {"application/json": {"schema": {"$ref": _REF + "AnswerBody"}}}
    good = {kind: {"schema": {"type": "object" if kind == "application/json" else "string"}}}
    refused = {
        str(status): {"description": _MEANING[status], "content": answer} for status in (401, 403, 404, *_ALWAYS)
    }
    return {"summary": summary, "responses": {"200": {"description": "done", "content": good}} | refused}


def _parameter(name: str, where: str) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": {"type": "string", "maxLength": 64}}
