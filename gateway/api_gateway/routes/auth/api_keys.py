"""Keys for applications: `/api/v1/api-keys*`."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from promptsphere.auth.v1 import api_keys_pb2
from pydantic import AwareDatetime, Field
from servicekit.errors import InvalidArgument, Violation
from starlette.responses import Response

from api_gateway.edge.dependencies import UsesBackends
from api_gateway.edge.etags import etag
from api_gateway.edge.route import AuthenticatedRoute
from api_gateway.routes.responses import AUTHENTICATED, BY_ID, BY_KEY, PAGED, WITH_BODY, problems
from api_gateway.routes.shapes import (
    TIME_EXAMPLE,
    UUID_EXAMPLE,
    Answer,
    Body,
    Cursor,
    GivenName,
    Limit,
    PathId,
    declared,
    page_of,
)
from api_gateway.routes.wire import json_response, page_response, time_text

router = APIRouter(prefix="/api/v1/api-keys", tags=["api keys"], route_class=AuthenticatedRoute)

ScopeName = Literal["read", "write", "generate", "deliver", "admin"]
Network = Annotated[str, declared(format="ip-network", maxLength=64)]


class ApiKeyBody(Body):
    """A key to make."""

    name: GivenName = Field(examples=["客服网站"])
    scopes: Annotated[list[ScopeName], declared(minItems=1, maxItems=1000)] = Field(examples=[["deliver"]])
    expires_at: AwareDatetime | None = Field(None, strict=False, examples=["2027-11-23T00:00:00Z"])
    allowed_ips: Annotated[list[Network], declared(maxItems=32)] = Field(
        default_factory=list,
        examples=[["203.0.113.0/24"]],
        description="Addresses or networks (CIDR) that it may come from; none: any.",
    )


class ApiKey(Answer):
    """A key; `key` is there once, when it was made or rotated."""

    id: str = Field(examples=[UUID_EXAMPLE])
    name: str
    prefix: str = Field(examples=["psk_3fK9"])
    scopes: list[ScopeName]
    created_at: str = Field(examples=[TIME_EXAMPLE])
    last_used_at: str | None
    expires_at: str | None
    allowed_ips: list[str]
    key: str | None = None


ApiKeyPage = page_of(ApiKey, "ApiKeyPage")


@router.get("", response_model=ApiKeyPage, responses=problems(*AUTHENTICATED, *PAGED))
async def list_api_keys(backends: UsesBackends, limit: Limit = 20, cursor: Cursor = "") -> Response:
    """One's keys in this workspace (an admin sees all), newest first."""
    answer = await backends.api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(limit=limit, cursor=cursor))
    return page_response(answer.items, _api_key_json, answer.next_cursor)


@router.post(
    "",
    status_code=201,
    response_model=ApiKey,
    responses=problems(*WITH_BODY, *AUTHENTICATED, *BY_KEY, "quota_exceeded"),
)
async def create_api_key(body: ApiKeyBody, backends: UsesBackends) -> Response:
    """Make a key; its secret is in this answer only."""
    request = api_keys_pb2.CreateApiKeyRequest(name=body.name, scopes=body.scopes, allowed_ips=body.allowed_ips)
    if body.expires_at is not None:
        request.expires_at.FromDatetime(_utc(body.expires_at))
    return _secret_response(await backends.api_keys.CreateApiKey(request))


@router.post(
    "/{id}/rotate",
    status_code=201,
    response_model=ApiKey,
    responses=problems(*AUTHENTICATED, *BY_KEY, *BY_ID),
)
async def rotate_api_key(id: PathId, backends: UsesBackends) -> Response:  # noqa: A002 - the path's own name
    """Replace a key's secret; the old one stops at once."""
    return _secret_response(await backends.api_keys.RotateApiKey(api_keys_pb2.RotateApiKeyRequest(id=id)))


@router.delete("/{id}", status_code=204, responses=problems(*AUTHENTICATED, *BY_ID))
async def delete_api_key(id: PathId, backends: UsesBackends) -> Response:  # noqa: A002 - the path's own name
    """Revoke a key for good."""
    await backends.api_keys.DeleteApiKey(api_keys_pb2.DeleteApiKeyRequest(id=id))
    return Response(status_code=204)


def _utc(moment: datetime) -> datetime:
    """Raises: InvalidArgument, for a moment that UTC has no year for."""
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise InvalidArgument(
            "expires_at is out of range.",
            violations=[Violation("/expires_at", "must be between the years 1 and 9999 in UTC")],
        ) from None


def _secret_response(
    answer: api_keys_pb2.CreateApiKeyResponse | api_keys_pb2.RotateApiKeyResponse,
) -> Response:
    body = _api_key_json(answer.api_key)
    if answer.key:
        body["key"] = answer.key
    return json_response(body, status=201, headers={"ETag": etag(answer.api_key.row_version)})


def _api_key_json(key: api_keys_pb2.ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": list(key.scopes),
        "created_at": time_text(key.created_at),
        "last_used_at": time_text(key.last_used_at) if key.HasField("last_used_at") else None,
        "expires_at": time_text(key.expires_at) if key.HasField("expires_at") else None,
        "allowed_ips": list(key.allowed_ips),
    }
