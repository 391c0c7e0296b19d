"""Signing in and out: `/api/v1/auth/*`."""

from typing import Any, Final, Literal

from fastapi import APIRouter, Request
from promptsphere.auth.v1 import accounts_pb2, sessions_pb2
from pydantic import Field
from servicekit.errors import SphereError, Unauthenticated
from servicekit.rpc import metadata
from servicekit.rpc.client import Outgoing, set_outgoing
from starlette.responses import Response

from api_gateway.edge.dependencies import Edge, UsesBackends, UsesEdge
from api_gateway.edge.own_pages import check_own_page
from api_gateway.edge.route import AccountRoute, RefreshRoute, SignInRoute, call_metadata
from api_gateway.routes.auth.shapes import User, WorkspaceRole
from api_gateway.routes.auth.wire import user_json, workspace_json
from api_gateway.routes.responses import AUTHENTICATED, WITH_BODY, problems
from api_gateway.routes.shapes import UUID_EXAMPLE, Answer, Body, Email, GivenName, Id, Password
from api_gateway.routes.wire import json_response

COOKIE: Final = "ps_refresh"
COOKIE_PATH: Final = "/api/v1/auth"

sign_in = APIRouter(prefix="/api/v1/auth", tags=["auth"], route_class=SignInRoute)
refreshing = APIRouter(prefix="/api/v1/auth", tags=["auth"], route_class=RefreshRoute)
switching = APIRouter(prefix="/api/v1/auth", tags=["auth"], route_class=AccountRoute)


class RegisterBody(Body):
    """A new account."""

    email: Email = Field(examples=["xiaoming@example.com"])
    password: Password = Field(examples=["correct horse battery staple"], description="12 to 128 characters.")
    display_name: GivenName = Field(examples=["王小明"])
    locale: Literal["zh", "en"] = "zh"


class LoginBody(Body):
    """Who one is."""

    email: str = Field(examples=["xiaoming@example.com"])
    password: str = Field(examples=["correct horse battery staple"])


class RefreshBody(Body):
    """The refresh token, unless the cookie brings it."""

    refresh_token: str | None = Field(None, examples=["psr_…"])
    workspace_id: Id | None = None


class SwitchBody(Body):
    """The workspace to act in."""

    workspace_id: Id = Field(examples=[UUID_EXAMPLE])


class AccessAnswer(Answer):
    """Access to a workspace."""

    access_token: str = Field(examples=["eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.…"])
    token_type: Literal["Bearer"]
    expires_in: int = Field(examples=[600], description="Seconds.")
    workspace: WorkspaceRole


class Tokens(AccessAnswer):
    """What a sign-in hands out."""

    refresh_token: str = Field(examples=["psr_…"])
    user: User


@sign_in.post(
    "/register",
    status_code=201,
    response_model=Tokens,
    responses=problems(*WITH_BODY, "email_taken", "registration_closed"),
)
async def register(request: Request, body: RegisterBody, edge: UsesEdge, backends: UsesBackends) -> Response:
    """Make a local account with its personal workspace, and sign in."""
    answer = await backends.accounts.Register(
        accounts_pb2.RegisterRequest(
            email=body.email,
            password=body.password,
            display_name=body.display_name,
            locale=body.locale,
        ),
    )
    return _tokens_response(request, edge, answer.tokens, status=201)


@sign_in.post("/login", response_model=Tokens, responses=problems(*WITH_BODY, "invalid_credentials"))
async def login(request: Request, body: LoginBody, edge: UsesEdge, backends: UsesBackends) -> Response:
    """Sign in with e-mail and password."""
    answer = await backends.accounts.Login(accounts_pb2.LoginRequest(email=body.email, password=body.password))
    return _tokens_response(request, edge, answer.tokens)


@refreshing.post(
    "/refresh",
    response_model=Tokens,
    responses=problems(*WITH_BODY, "refresh_invalid", "refresh_expired", "refresh_reused", "forbidden"),
)
async def refresh(
    request: Request,
    edge: UsesEdge,
    backends: UsesBackends,
    body: RefreshBody | None = None,
) -> Response:
    """Exchange a refresh token, from the body or the cookie, for its successor."""
    token = body.refresh_token if body else None
    if not token:
        check_own_page(request, edge.origins)
        token = request.cookies.get(COOKIE, "")
    if not token:
        raise Unauthenticated("Send the refresh token in the body or the cookie.", reason="refresh_invalid")
    workspace_id = (body.workspace_id if body else None) or ""
    answer = await backends.sessions.RefreshSession(
        sessions_pb2.RefreshSessionRequest(refresh_token=token, workspace_id=workspace_id),
    )
    return _tokens_response(request, edge, answer.tokens)


@refreshing.post("/logout", status_code=204, responses=problems(*WITH_BODY, "unauthenticated", "forbidden"))
async def logout(request: Request, edge: UsesEdge, backends: UsesBackends) -> Response:
    """End the session of the access token, or else of the refresh cookie; ending an ended one succeeds."""
    await _carry_access_token(request, edge)
    await backends.sessions.Logout(sessions_pb2.LogoutRequest(refresh_token=request.cookies.get(COOKIE, "")))
    response = Response(status_code=204)
    _set_cookie(response, request, edge, "", 0)
    return response


@switching.post("/switch", response_model=AccessAnswer, responses=problems(*WITH_BODY, *AUTHENTICATED, "not_found"))
async def switch(body: SwitchBody, backends: UsesBackends) -> Response:
    """An access token for another workspace of the same session; the refresh token stays."""
    answer = await backends.sessions.SwitchWorkspace(
        sessions_pb2.SwitchWorkspaceRequest(workspace_id=body.workspace_id),
    )
    return json_response(_access_json(answer))


async def _carry_access_token(request: Request, edge: Edge) -> None:
    """Let the call carry the access token when it still is good; the cookie has to do otherwise.

    Raises:
        Unauthenticated: there is neither.
        PermissionDenied: a foreign page sends the cookie.
    """
    try:
        principal = await edge.authenticator.authenticate(request)
    except SphereError as refusal:
        if isinstance(refusal, Unauthenticated) and (COOKIE in request.cookies):
            check_own_page(request, edge.origins)
            return
        raise
    set_outgoing(Outgoing((*call_metadata(request, edge), (metadata.AUTHORIZATION, f"Bearer {principal.token}"))))


def _tokens_response(request: Request, edge: Edge, tokens: accounts_pb2.Tokens, *, status: int = 200) -> Response:
    body = _access_json(tokens) | {"refresh_token": tokens.refresh_token, "user": user_json(tokens.user)}
    response = json_response(body, status=status)
    _set_cookie(response, request, edge, tokens.refresh_token, tokens.refresh_expires_in)
    return response


def _set_cookie(response: Response, request: Request, edge: Edge, value: str, max_age_seconds: int) -> None:
    """Set the cookie, or with zero seconds delete it: only with the same attributes browsers do."""
    response.set_cookie(
        COOKIE,
        value,
        max_age=max_age_seconds,
        expires=None if max_age_seconds else 0,
        path=COOKIE_PATH,
        httponly=True,
        secure=edge.authenticator.is_https(request),
        samesite="strict",
    )


def _access_json(answer: accounts_pb2.Tokens | sessions_pb2.SwitchWorkspaceResponse) -> dict[str, Any]:
    return {
        "access_token": answer.access_token,
        "token_type": answer.token_type,
        "expires_in": answer.expires_in,
        "workspace": workspace_json(answer.workspace),
    }


ROUTERS: Final = (sign_in, refreshing, switching)
