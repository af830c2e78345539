"""The description of the API is true: every request that schemathesis generates is answered as it states."""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable

from pumpd.bedside.openapi import description
from tests.bedside.tablet import bedsides

if TYPE_CHECKING:
    import schemathesis

EXAMPLES = 6  # of each operation and kind; `/api/live` never ends and has its own tests


def cases() -> "list[schemathesis.Case]":
    """Good and bad requests of every operation."""
    import schemathesis  # slow to import, and only this test needs it
    from schemathesis.generation import GenerationMode

    found = []
    schema = schemathesis.openapi.from_dict(description("0")).exclude(path="/api/live")
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in GenerationMode:

            @seed(1)
            @settings(
                max_examples=EXAMPLES, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck)
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def draw(case):
                found.append(case)

            with contextlib.suppress(Unsatisfiable):  # a request without parts cannot be wrong
                draw()
    return found


async def sent(http: httpx.AsyncClient, case: "schemathesis.Case") -> httpx.Response:
    given_ = case.as_transport_kwargs(base_url="https://ward-7:8443")
    body = {"content": given_["data"]} if isinstance(given_.get("data"), bytes | str) else {"json": given_.get("json")}
    headers = {name: value for name, value in given_["headers"].items() if name.lower() != "cookie"}
    return await http.request(given_["method"], given_["url"], headers=headers, params=given_.get("params"), **body)


def checks() -> list[Callable[..., object]]:
    from schemathesis.checks import not_a_server_error  # as above
    from schemathesis.specs.openapi import checks as of_openapi

    return [
        not_a_server_error,
        of_openapi.status_code_conformance,
        of_openapi.content_type_conformance,
        of_openapi.response_schema_conformance,
    ]


async def test_what_bedside_serves_is_what_the_models_say(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here, here.client() as stranger:
        served = (await stranger.get("/api/openapi.json")).json()
    assert served == description(served["info"]["version"]), "run `python -m tools.tablet_api`"


async def test_every_request_is_answered_as_described(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here, here.client() as stranger:
        tried = set()
        for number, case in enumerate(cases()):
            answer = await sent(here.tablet.http if number % 2 else stranger, case)
            case.validate_response(answer, checks=checks())
            tried.add((case.operation.label, answer.status_code))
    described = set(description("0")["paths"]) - {"/api/live"}
    assert {label.split()[1] for label, _ in tried} == described
    assert {status for _, status in tried} >= {200, 401, 404, 409, 422}
