"""SigningKeysService on the wire."""

from typing import Any

from promptsphere.auth.v1 import signing_keys_pb2, signing_keys_pb2_grpc
from servicekit.auth.tokens import ALGORITHM

from auth_service.keys.ring import SigningRing


class SigningKeysServicer(signing_keys_pb2_grpc.SigningKeysServiceServicer):
    """Lists the public keys."""

    def __init__(self, ring: SigningRing) -> None:
        self._ring = ring

    async def ListSigningKeys(  # noqa: N802 - the contract's name
        self, request: signing_keys_pb2.ListSigningKeysRequest, context: Any
    ) -> signing_keys_pb2.ListSigningKeysResponse:
        """Every key whose tokens may still be valid."""
        del request, context
        return signing_keys_pb2.ListSigningKeysResponse(
            items=[
                signing_keys_pb2.SigningKey(kid=key.kid, alg=ALGORITHM, x=key.x, y=key.y)
                for key in await self._ring.public_keys()
            ],
        )
