"""ApiKeysService on the wire."""

from functools import partial
from typing import Any

from promptsphere.auth.v1 import api_keys_pb2, api_keys_pb2_grpc
from servicekit import idempotency
from servicekit.db import Database
from servicekit.db.paging import CursorSigner, ListScope, page
from servicekit.errors import Unavailable
from servicekit.log import get_logger
from servicekit.rpc.call import current_call
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.api_keys import exchange, networks, rules
from auth_service.api_keys.models import ApiKey
from auth_service.api_keys.wire import api_key_to_wire, expires_at_from_wire
from auth_service.clock import Clock
from auth_service.keys.ring import SigningRing
from auth_service.live_records.publishing import LiveRecords

_log = get_logger()


class ApiKeysServicer(api_keys_pb2_grpc.ApiKeysServiceServicer):
    """Keys with which applications call."""

    def __init__(
        self,
        database: Database,
        ring: SigningRing,
        live_records: LiveRecords,
        cursors: CursorSigner,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ring = ring
        self._live_records = live_records
        self._cursors = cursors
        self._clock = clock

    async def ListApiKeys(  # noqa: N802 - the contract's name, here and below
        self, request: api_keys_pb2.ListApiKeysRequest, context: Any
    ) -> api_keys_pb2.ListApiKeysResponse:
        """The caller's keys in this workspace, an admin's view: all; newest first."""
        del context
        actor = current_call().actor

        async def unit(session: AsyncSession) -> api_keys_pb2.ListApiKeysResponse:
            found = await page(
                session,
                rules.visible_to(actor),
                order=(ApiKey.id,),
                descending=True,
                signer=self._cursors,
                scope=ListScope("api_keys", actor.workspace_id, {"user_id": actor.user_id, "role": actor.role.label}),
                limit=request.limit,
                cursor=request.cursor,
            )
            return api_keys_pb2.ListApiKeysResponse(
                items=[api_key_to_wire(key) for key in found.items], next_cursor=found.next_cursor
            )

        return await self._database.read(unit)

    async def CreateApiKey(  # noqa: N802
        self, request: api_keys_pb2.CreateApiKeyRequest, context: Any
    ) -> api_keys_pb2.CreateApiKeyResponse:
        """Make a key; its secret is in this answer only."""
        del context
        expires_at = expires_at_from_wire(request.expires_at) if request.HasField("expires_at") else None

        async def unit(session: AsyncSession) -> api_keys_pb2.CreateApiKeyResponse:
            key, secret = await rules.create(
                session,
                current_call().actor,
                name=request.name,
                scopes=request.scopes,
                expires_at=expires_at,
                allowed_ips=request.allowed_ips,
                now=self._clock(),
            )
            return api_keys_pb2.CreateApiKeyResponse(api_key=api_key_to_wire(key), key=secret)

        def without_secret(response: api_keys_pb2.CreateApiKeyResponse) -> api_keys_pb2.CreateApiKeyResponse:
            # What is stored for a repeat must not hold what is stored nowhere else.
            return api_keys_pb2.CreateApiKeyResponse(api_key=response.api_key)

        return await idempotency.once(self._database, api_keys_pb2.CreateApiKeyResponse, unit, stored=without_secret)

    async def RotateApiKey(  # noqa: N802
        self, request: api_keys_pb2.RotateApiKeyRequest, context: Any
    ) -> api_keys_pb2.RotateApiKeyResponse:
        """Replace the secret of a key."""
        del context

        async def unit(session: AsyncSession) -> api_keys_pb2.RotateApiKeyResponse:
            key, secret = await rules.rotate(session, current_call().actor, key_id=request.id, now=self._clock())
            return api_keys_pb2.RotateApiKeyResponse(api_key=api_key_to_wire(key), key=secret)

        def without_secret(response: api_keys_pb2.RotateApiKeyResponse) -> api_keys_pb2.RotateApiKeyResponse:
            return api_keys_pb2.RotateApiKeyResponse(api_key=response.api_key)

        response = await idempotency.once(
            self._database, api_keys_pb2.RotateApiKeyResponse, unit, stored=without_secret
        )
        self._live_records.publish_soon()
        return response

    async def DeleteApiKey(  # noqa: N802
        self, request: api_keys_pb2.DeleteApiKeyRequest, context: Any
    ) -> api_keys_pb2.DeleteApiKeyResponse:
        """Revoke a key for good."""
        del context
        unit = partial(rules.revoke, actor=current_call().actor, key_id=request.id, now=self._clock())
        await self._database.write(unit)
        self._live_records.publish_soon()
        return api_keys_pb2.DeleteApiKeyResponse()

    async def ExchangeApiKey(  # noqa: N802
        self, request: api_keys_pb2.ExchangeApiKeyRequest, context: Any
    ) -> api_keys_pb2.ExchangeApiKeyResponse:
        """A short-lived access token for the holder of a key."""
        del context
        now = self._clock()
        holder = await self._database.read(partial(exchange.exchange, secret=request.key, now=now))
        if holder.is_use_unrecorded:
            await self._record_use(holder.key)
        end = holder.key.expires_at
        left_seconds = None if end is None else max(1, int((end - now).total_seconds()))
        access_token = self._ring.sign(holder.actor, at_most_seconds=left_seconds)
        return api_keys_pb2.ExchangeApiKeyResponse(
            access_token=access_token.text,
            expires_in=access_token.lifetime_seconds,
            allowed_ips=networks.readable(holder.key.allowed_ips),
            record_version=holder.record_version,
        )

    async def _record_use(self, key: ApiKey) -> None:
        try:
            await self._database.write(partial(exchange.record_use, key=key, now=self._clock()))
        except Unavailable as problem:
            # A full disk refuses writes; who only reads shall go on, and the next minute is noted again.
            _log.warning("use of an api key was not recorded", problem=problem.message)
