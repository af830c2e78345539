"""Answers to a client: what control answered, and beside it the same texts in the client's language."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Scope

from pumpd.bedside.bodies import AnswerBody
from pumpd.bedside.translated import translated
from pumpd.messages.requests import Answer


def language_of(scope: Scope) -> str:
    """The language that is asked for, as in `de`: by the address, because a browser's stream sends no header of the
    page's, or else by `Accept-Language`.
    """
    request = Request(scope)
    return (request.query_params.get("language") or request.headers.get("accept-language", ""))[:2].lower()


def answered(scope: Scope, answer: Answer, status: int | None = None) -> JSONResponse:
    body = AnswerBody(
        ok=answer.ok,
        result=answer.result,
        reasons=answer.reasons,
        said=translated(answer.messages, language_of(scope)),
    )
    return JSONResponse(body.model_dump(mode="json"), status or (200 if answer.ok else 409))


def refused(scope: Scope, status: int, *reasons: str) -> JSONResponse:
    return answered(scope, Answer(ok=False, reasons=reasons), status)
