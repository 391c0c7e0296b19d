"""The public keys that verify access tokens: `/.well-known/jwks.json` (RFC 7517)."""

from fastapi import APIRouter
from promptsphere.auth.v1 import signing_keys_pb2
from starlette.responses import Response

from api_gateway.edge.dependencies import UsesBackends
from api_gateway.edge.route import PublicRoute
from api_gateway.routes.responses import problems
from api_gateway.routes.shapes import Answer
from api_gateway.routes.wire import json_response

router = APIRouter(prefix="/.well-known", tags=["auth"], route_class=PublicRoute)


class Jwk(Answer):
    """A public key."""

    kty: str
    crv: str
    use: str
    alg: str
    kid: str
    x: str
    y: str


class Jwks(Answer):
    """The ring."""

    keys: list[Jwk]


@router.get("/jwks.json", response_model=Jwks, responses=problems())
async def jwks(backends: UsesBackends) -> Response:
    """Every key whose tokens may still be valid."""
    answer = await backends.signing_keys.ListSigningKeys(signing_keys_pb2.ListSigningKeysRequest())
    keys = [
        {"kty": "EC", "crv": "P-256", "use": "sig", "alg": key.alg, "kid": key.kid, "x": key.x, "y": key.y}
        for key in answer.items
    ]
    return json_response({"keys": keys}, headers={"Cache-Control": "public, max-age=5"})
