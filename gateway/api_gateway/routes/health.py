"""Health: `/livez`, `/readyz`, `/statusz`."""

from typing import Final, Literal, cast

from fastapi import APIRouter, Request
from pydantic import Field
from servicekit.auth.identity import Role
from servicekit.errors import PermissionDenied
from starlette.responses import PlainTextResponse, Response

from api_gateway.edge.authentication import Authenticator
from api_gateway.edge.dependencies import edge_of
from api_gateway.readiness import Dependency, Readiness
from api_gateway.routes.responses import AUTHENTICATED, problems
from api_gateway.routes.shapes import TIME_EXAMPLE, Answer
from api_gateway.routes.wire import json_response

router = APIRouter(tags=["health"])


class DependencyState(Answer):
    """How one dependency was found, and since when."""

    state: Literal["ok", "degraded", "down"]
    since: str = Field(examples=[TIME_EXAMPLE])


class Status(Answer):
    """All dependencies by name."""

    ready: bool = Field(examples=[True])
    dependencies: dict[str, DependencyState] = Field(examples=[{"auth": {"state": "ok", "since": TIME_EXAMPLE}}])


UNREADY: Final = {
    "description": "Not ready, and why.",
    "content": {"text/plain": {"example": "waiting for auth-service\n"}},
}
OK: Final = {"description": "Yes.", "content": {"text/plain": {"example": "ok\n"}}}


@router.get("/livez", response_class=PlainTextResponse, responses={200: OK})
async def livez() -> Response:
    """The loop answers."""
    return PlainTextResponse("ok\n")


@router.get("/readyz", response_class=PlainTextResponse, responses={200: OK, 503: UNREADY})
async def readyz(request: Request) -> Response:
    """Each service was reached once, keys are loaded, and we are not on our way out."""
    readiness = _readiness(request)
    if readiness.is_ready:
        return PlainTextResponse("ok\n")
    words = "waiting for " + ", ".join(readiness.waiting_for()) + "\n"
    return PlainTextResponse(words, status_code=503, headers={"Retry-After": "1"})


@router.get("/statusz", response_model=Status, responses=problems(*AUTHENTICATED))
async def statusz(request: Request) -> Response:
    """How each dependency is, and since when; for this machine and for admins."""
    await _only_insiders(request, edge_of(request).authenticator)
    readiness = _readiness(request)
    body = {name: _json(one) for name, one in readiness.services.items()} | {"redis": _json(readiness.redis())}
    return json_response({"ready": readiness.is_ready, "dependencies": body})


async def _only_insiders(request: Request, authenticator: Authenticator) -> None:
    if authenticator.client_ip(request) in {"127.0.0.1", "::1"}:
        return
    principal = await authenticator.authenticate(request)
    if principal.actor.role is not Role.ADMIN:
        raise PermissionDenied("Only admins may see this.", metadata={"needed": "admin"})


def _readiness(request: Request) -> Readiness:
    return cast("Readiness", request.app.state.readiness)


def _json(one: Dependency) -> dict[str, str]:
    return {"state": one.state, "since": one.since.isoformat().replace("+00:00", "Z")}
