"""The control port's OpenAPI 3.1 description, made from its table and its messages. Nothing is written by hand."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from pumpd_simulators.control_endpoints import ENDPOINTS, Endpoint
from pumpd_simulators.control_messages import Refusal

_REF = "#/components/schemas/{model}"


def description(endpoints: Sequence[Endpoint] = ENDPOINTS) -> dict[str, Any]:
    """The whole document, JSON-ready."""
    bodies = [(endpoint.asked, "validation") for endpoint in endpoints if endpoint.method == "POST"]
    answers = [(endpoint.answer, "serialization") for endpoint in endpoints]
    models: Any = list(dict.fromkeys([*bodies, *answers, (Refusal, "serialization")]))
    _, schemas = models_json_schema(models, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        for path in endpoint.paths:
            paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint, path)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pumpsim control port",
            "version": version("pumpd-simulators"),
            "description": "Simulated devices at a bed. Not a cleared medical device. No password: keep it on the "
            "machine itself.",
        },
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def _operation(endpoint: Endpoint, path: str) -> dict[str, Any]:
    media = "text/event-stream" if endpoint.streams else "application/json"
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": f"{endpoint.method.lower()}{path.replace('/', '_').replace('{', '').replace('}', '')}",
        "responses": {
            "200": {"description": endpoint.summary, "content": {media: {"schema": _ref(endpoint.answer)}}},
            "4XX": {"description": "Refused; nothing was done", "content": _json(Refusal)},
        },
    }
    parameters = [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
    if "{name}" not in path:
        parameters = []
    if endpoint.method == "POST":
        operation["requestBody"] = {"required": True, "content": _json(endpoint.asked)}
    else:
        fields = endpoint.asked.model_json_schema().get("properties", {})
        parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in fields.items()]
    return operation | ({"parameters": parameters} if parameters else {})


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(model)}}
