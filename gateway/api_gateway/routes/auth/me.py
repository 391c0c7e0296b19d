"""The signed-in person: `/api/v1/me*`."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from google.protobuf.field_mask_pb2 import FieldMask
from promptsphere.auth.v1 import accounts_pb2, sessions_pb2
from pydantic import Field
from servicekit.errors import InvalidArgument, Violation
from starlette.responses import Response

from api_gateway.edge.dependencies import UsesBackends
from api_gateway.edge.etags import etag
from api_gateway.edge.route import AuthenticatedRoute
from api_gateway.routes.auth.shapes import User, WorkspaceRole
from api_gateway.routes.auth.wire import user_json, workspace_json
from api_gateway.routes.responses import AUTHENTICATED, BY_ID, BY_KEY, PAGED, WITH_BODY, problems
from api_gateway.routes.shapes import (
    TIME_EXAMPLE,
    UUID_EXAMPLE,
    Answer,
    Body,
    Cursor,
    GivenName,
    Limit,
    Password,
    PathId,
    page_of,
)
from api_gateway.routes.wire import json_response, page_response, time_text

router = APIRouter(prefix="/api/v1/me", tags=["me"], route_class=AuthenticatedRoute)


class Me(User):
    """The caller, where they act and where else they may."""

    workspace: WorkspaceRole
    workspaces: list[WorkspaceRole]


class MePatch(Body):
    """What to change; what is left out or null stays."""

    display_name: GivenName | None = Field(None, examples=["王大明"])
    locale: Literal["zh", "en"] | None = None


class PasswordBody(Body):
    """The old and the new password."""

    current_password: str = Field(examples=["correct horse battery staple"])
    new_password: Password = Field(examples=["mountain violin harbour seven"], description="12 to 128 characters.")


class Session(Answer):
    """One sign-in."""

    id: str = Field(examples=[UUID_EXAMPLE])
    current: bool
    created_at: str = Field(examples=[TIME_EXAMPLE])
    last_seen_at: str = Field(examples=[TIME_EXAMPLE])
    ip: str = Field(examples=["203.0.113.7"])
    user_agent: str = Field(examples=["Mozilla/5.0"])


SessionPage = page_of(Session, "SessionPage")


@router.get("", response_model=Me, responses=problems(*AUTHENTICATED))
async def get_me(backends: UsesBackends) -> Response:
    """Who the caller is."""
    return _me_response(await backends.accounts.GetMe(accounts_pb2.GetMeRequest()))


@router.patch("", response_model=Me, responses=problems(*WITH_BODY, *AUTHENTICATED, "stale"))
async def update_me(body: MePatch, backends: UsesBackends) -> Response:
    """Change one's name or language."""
    # Null is as good as left out, as in every other change.
    changes = {key: value for key, value in body.model_dump(exclude_unset=True).items() if value is not None}
    request = accounts_pb2.UpdateMeRequest(
        user=accounts_pb2.User(**changes), update_mask=FieldMask(paths=sorted(changes))
    )
    return _me_response(await backends.accounts.UpdateMe(request))


@router.post(
    "/password",
    status_code=204,
    responses=problems(*WITH_BODY, *AUTHENTICATED, *BY_KEY, "invalid_credentials"),
)
async def change_password(body: PasswordBody, backends: UsesBackends) -> Response:
    """Change one's password; all other sessions end."""
    await backends.accounts.ChangePassword(
        accounts_pb2.ChangePasswordRequest(
            current_password=body.current_password,
            new_password=body.new_password,
        ),
    )
    return Response(status_code=204)


@router.get(
    "/sessions",
    response_model=SessionPage,
    responses=problems(*AUTHENTICATED, *PAGED),
)
async def list_sessions(backends: UsesBackends, limit: Limit = 20, cursor: Cursor = "") -> Response:
    """One's live sessions, newest first."""
    answer = await backends.sessions.ListSessions(sessions_pb2.ListSessionsRequest(limit=limit, cursor=cursor))
    return page_response(answer.items, _session_json, answer.next_cursor)


@router.delete("/sessions/{id}", status_code=204, responses=problems(*AUTHENTICATED, *BY_ID))
async def delete_session(id: PathId, backends: UsesBackends) -> Response:  # noqa: A002 - the path's own name
    """End one of one's sessions."""
    await backends.sessions.DeleteSession(sessions_pb2.DeleteSessionRequest(id=id))
    return Response(status_code=204)


@router.delete("/sessions", status_code=204, responses=problems(*AUTHENTICATED, "invalid_request"))
async def delete_other_sessions(
    backends: UsesBackends,
    others: Annotated[bool, Query(description="Must be `true`: all but the session that asks.")] = False,  # noqa: FBT002
) -> Response:
    """End all of one's other sessions."""
    if not others:
        raise InvalidArgument(
            "Say others=true to end all your other sessions.",
            violations=[Violation("/query/others", "must be true")],
        )
    await backends.sessions.DeleteOtherSessions(sessions_pb2.DeleteOtherSessionsRequest())
    return Response(status_code=204)


def _me_response(answer: accounts_pb2.GetMeResponse | accounts_pb2.UpdateMeResponse) -> Response:
    body = user_json(answer.user) | {
        "workspace": workspace_json(answer.workspace),
        "workspaces": [workspace_json(one) for one in answer.workspaces],
    }
    return json_response(body, headers={"ETag": etag(answer.user.row_version)})


def _session_json(session: sessions_pb2.Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "current": session.current,
        "created_at": time_text(session.created_at),
        "last_seen_at": time_text(session.last_seen_at),
        "ip": session.ip,
        "user_agent": session.user_agent,
    }
