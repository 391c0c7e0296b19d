"""AccountsService on the wire."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from promptsphere.auth.v1 import accounts_pb2, accounts_pb2_grpc
from servicekit import idempotency
from servicekit.auth.identity import Actor
from servicekit.errors import Unauthenticated
from servicekit.rpc.call import current_call
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts import password_change, sign_in
from auth_service.accounts.context import SignInContext
from auth_service.accounts.password_change import PasswordChange
from auth_service.accounts.password_proof import leave_trace
from auth_service.keys.ring import SigningRing
from auth_service.live_records.publishing import LiveRecords
from auth_service.memberships import rules as memberships
from auth_service.memberships.wire import workspace_to_wire
from auth_service.sessions.wire import current_device, tokens_to_wire
from auth_service.users import rules as users
from auth_service.users.wire import user_to_wire


class AccountsServicer(accounts_pb2_grpc.AccountsServiceServicer):
    """People: registering, signing in, and what they see of themselves."""

    def __init__(self, context: SignInContext, ring: SigningRing, live_records: LiveRecords) -> None:
        self._context = context
        self._ring = ring
        self._live_records = live_records

    async def Register(  # noqa: N802 - the contract's name, here and below
        self, request: accounts_pb2.RegisterRequest, context: Any
    ) -> accounts_pb2.RegisterResponse:
        """Create an account and sign it in."""
        del context
        issued = await sign_in.register(
            self._context,
            email=request.email,
            password=request.password,
            display_name=request.display_name,
            locale=request.locale,
            device=current_device(),
        )
        return accounts_pb2.RegisterResponse(tokens=tokens_to_wire(issued, self._ring.sign(issued.actor)))

    async def Login(  # noqa: N802
        self, request: accounts_pb2.LoginRequest, context: Any
    ) -> accounts_pb2.LoginResponse:
        """Sign in."""
        del context
        issued = await sign_in.login(
            self._context, email=request.email, password=request.password, device=current_device()
        )
        self._live_records.publish_soon()  # of too many sessions the oldest has ended
        return accounts_pb2.LoginResponse(tokens=tokens_to_wire(issued, self._ring.sign(issued.actor)))

    async def GetMe(  # noqa: N802
        self, request: accounts_pb2.GetMeRequest, context: Any
    ) -> accounts_pb2.GetMeResponse:
        """Who the caller is."""
        del request, context
        actor = current_call().actor

        async def unit(session: AsyncSession) -> accounts_pb2.GetMeResponse:
            user = await users.get(session, actor.user_id)
            mine, all_mine = await _workspaces(session, actor)
            return accounts_pb2.GetMeResponse(user=user_to_wire(user), workspace=mine, workspaces=all_mine)

        return await self._context.database.read(unit)

    async def UpdateMe(  # noqa: N802
        self, request: accounts_pb2.UpdateMeRequest, context: Any
    ) -> accounts_pb2.UpdateMeResponse:
        """Change one's own name or language."""
        del context
        call = current_call()
        changes = {path: str(getattr(request.user, path, "")) for path in request.update_mask.paths}

        async def unit(session: AsyncSession) -> accounts_pb2.UpdateMeResponse:
            user = await users.update(
                session,
                call.actor.user_id,
                changes,
                expected_version=call.if_match,
                now=self._context.clock(),
            )
            mine, all_mine = await _workspaces(session, call.actor)
            return accounts_pb2.UpdateMeResponse(user=user_to_wire(user), workspace=mine, workspaces=all_mine)

        return await self._context.database.write(unit)

    async def ChangePassword(  # noqa: N802
        self, request: accounts_pb2.ChangePasswordRequest, context: Any
    ) -> accounts_pb2.ChangePasswordResponse:
        """Change one's password; every other session ends."""
        del context
        actor = current_call().actor
        async with password_change.prepare(
            self._context, actor, current=request.current_password, new=request.new_password, device=current_device()
        ) as change:
            response = await self._apply(change, actor)
        self._live_records.publish_soon()
        return response

    async def _apply(self, change: PasswordChange, actor: Actor) -> accounts_pb2.ChangePasswordResponse:
        async def unit(session: AsyncSession) -> accounts_pb2.ChangePasswordResponse:
            await password_change.apply(session, change, actor, context=self._context)
            return accounts_pb2.ChangePasswordResponse()

        try:
            # The password is judged inside: a repeat under its key succeeds, though the password is new by then.
            return await idempotency.once(self._context.database, accounts_pb2.ChangePasswordResponse, unit)
        except Unauthenticated:
            trace = partial(leave_trace, attempt=change.attempt, user=change.proof.user, context=self._context)
            await self._context.database.write(trace)
            raise


async def _workspaces(
    session: AsyncSession, actor: Actor
) -> tuple[accounts_pb2.WorkspaceRole, Sequence[accounts_pb2.WorkspaceRole]]:
    """The workspace of the caller's token, and all that the caller may know of: of a key, that one alone."""
    mine = await memberships.find(session, workspace_id=actor.workspace_id, user_id=actor.user_id)
    if mine is None:
        raise Unauthenticated("Your role here has changed; refresh the access token.", reason="token_stale")
    if actor.kind == "api_key":
        return workspace_to_wire(mine), [workspace_to_wire(mine)]
    listed = await memberships.list_of(session, user_id=actor.user_id)
    return workspace_to_wire(mine), [workspace_to_wire(workspace) for workspace in listed]
