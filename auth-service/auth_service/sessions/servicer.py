"""SessionsService on the wire."""

from functools import partial
from typing import Any

from promptsphere.auth.v1 import sessions_pb2, sessions_pb2_grpc
from servicekit.db import Database
from servicekit.db.paging import CursorSigner, ListScope, page
from servicekit.errors import Unauthenticated
from servicekit.rpc.call import Call, current_call
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.clock import Clock
from auth_service.keys.ring import SigningRing
from auth_service.live_records.publishing import LiveRecords
from auth_service.memberships.wire import workspace_to_wire
from auth_service.sessions import revocation, rules
from auth_service.sessions.models import SessionFamily
from auth_service.sessions.rules import IssuedRefreshToken, ReuseDetected, SessionPolicy
from auth_service.sessions.wire import current_device, session_to_wire, tokens_to_wire

_STATES = {
    "live": sessions_pb2.CheckSessionResponse.STATE_LIVE,
    "revoked": sessions_pb2.CheckSessionResponse.STATE_REVOKED,
}


class SessionsServicer(sessions_pb2_grpc.SessionsServiceServicer):
    """Sessions: refreshing, listing, ending, checking."""

    def __init__(
        self,
        database: Database,
        policy: SessionPolicy,
        ring: SigningRing,
        live_records: LiveRecords,
        cursors: CursorSigner,
        clock: Clock,
    ) -> None:
        self._database = database
        self._policy = policy
        self._ring = ring
        self._live_records = live_records
        self._cursors = cursors
        self._clock = clock

    async def RefreshSession(  # noqa: N802 - the contract's name, here and below
        self, request: sessions_pb2.RefreshSessionRequest, context: Any
    ) -> sessions_pb2.RefreshSessionResponse:
        """Exchange a refresh token for its successor."""
        del context
        device = current_device()

        async def unit(session: AsyncSession) -> IssuedRefreshToken | ReuseDetected:
            return await rules.rotate(
                session,
                request.refresh_token,
                workspace_id=request.workspace_id,
                device=device,
                policy=self._policy,
                now=self._clock(),
            )

        outcome = await self._database.write(unit)
        if isinstance(outcome, ReuseDetected):
            self._live_records.publish_soon()
            raise outcome.error
        access_token = self._ring.sign(outcome.actor)
        return sessions_pb2.RefreshSessionResponse(tokens=tokens_to_wire(outcome, access_token))

    async def Logout(  # noqa: N802
        self, request: sessions_pb2.LogoutRequest, context: Any
    ) -> sessions_pb2.LogoutResponse:
        """End the session of the access token, of the refresh token, or both."""
        del context
        family_id, user_id = _own_session(current_call())
        if not family_id and not request.refresh_token:
            raise Unauthenticated("Send the access token or the refresh token of the session to end.")

        async def unit(session: AsyncSession) -> None:
            now = self._clock()
            if family_id:
                await revocation.revoke_own(session, user_id=user_id, family_id=family_id, reason="logout", now=now)
            try:
                if request.refresh_token:
                    await revocation.revoke_by_token(session, request.refresh_token, now=now)
            except Unauthenticated:
                if not family_id:  # beside an access token a stale cookie is no reason to stay signed in
                    raise

        await self._database.write(unit)
        self._live_records.publish_soon()
        return sessions_pb2.LogoutResponse()

    async def SwitchWorkspace(  # noqa: N802
        self, request: sessions_pb2.SwitchWorkspaceRequest, context: Any
    ) -> sessions_pb2.SwitchWorkspaceResponse:
        """An access token for another workspace."""
        del context
        actor = current_call().actor
        unit = partial(
            rules.switch,
            user_id=actor.user_id,
            family_id=actor.session_id,
            workspace_id=request.workspace_id,
            policy=self._policy,
            now=self._clock(),
        )
        user, workspace = await self._database.write(unit)
        access_token = self._ring.sign(rules.actor_for(user, workspace, session_id=actor.session_id))
        return sessions_pb2.SwitchWorkspaceResponse(
            access_token=access_token.text,
            token_type="Bearer",  # noqa: S106 - RFC 6750's word
            expires_in=access_token.lifetime_seconds,
            workspace=workspace_to_wire(workspace),
        )

    async def ListSessions(  # noqa: N802
        self, request: sessions_pb2.ListSessionsRequest, context: Any
    ) -> sessions_pb2.ListSessionsResponse:
        """The caller's live sessions, newest first."""
        del context
        actor = current_call().actor

        async def unit(session: AsyncSession) -> sessions_pb2.ListSessionsResponse:
            found = await page(
                session,
                rules.live_of(user_id=actor.user_id, idle=self._policy.idle, now=self._clock()),
                order=(SessionFamily.id,),
                descending=True,
                signer=self._cursors,
                scope=ListScope("sessions", actor.workspace_id, {"user_id": actor.user_id}),
                limit=request.limit,
                cursor=request.cursor,
            )
            return sessions_pb2.ListSessionsResponse(
                items=[session_to_wire(family, current_id=actor.session_id) for family in found.items],
                next_cursor=found.next_cursor,
            )

        return await self._database.read(unit)

    async def DeleteSession(  # noqa: N802
        self, request: sessions_pb2.DeleteSessionRequest, context: Any
    ) -> sessions_pb2.DeleteSessionResponse:
        """End one of the caller's sessions."""
        del context
        unit = partial(
            revocation.revoke_own,
            user_id=current_call().actor.user_id,
            family_id=request.id,
            reason="ended",
            now=self._clock(),
        )
        await self._database.write(unit)
        self._live_records.publish_soon()
        return sessions_pb2.DeleteSessionResponse()

    async def DeleteOtherSessions(  # noqa: N802
        self, request: sessions_pb2.DeleteOtherSessionsRequest, context: Any
    ) -> sessions_pb2.DeleteOtherSessionsResponse:
        """End all of the caller's sessions but this one."""
        del request, context
        actor = current_call().actor
        unit = partial(
            revocation.revoke_others,
            user_id=actor.user_id,
            kept_family_id=actor.session_id,
            reason="ended",
            idle=self._policy.idle,
            now=self._clock(),
        )
        ended = await self._database.write(unit)
        self._live_records.publish_soon()
        return sessions_pb2.DeleteOtherSessionsResponse(ended=ended)

    async def CheckSession(  # noqa: N802
        self, request: sessions_pb2.CheckSessionRequest, context: Any
    ) -> sessions_pb2.CheckSessionResponse:
        """The live record of a session or API key."""
        del context
        record = await self._live_records.check(request.id)
        return sessions_pb2.CheckSessionResponse(
            state=_STATES[record.state], version=record.version, roles=dict(record.roles)
        )


def _own_session(call: Call) -> tuple[str, str]:
    """Session and person of the access token that came along; empty without one, or with an API key's."""
    if call.identity is None or call.identity.kind != "user":
        return "", ""
    return call.identity.session_id, call.identity.user_id
