"""AccountsService on the wire; also how tokens, people and workspaces look there, for the other servicers."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from promptsphere.auth.v1 import accounts_pb2, accounts_pb2_grpc
from servicekit import idempotency
from servicekit.auth.identity import Actor
from servicekit.errors import Unauthenticated
from servicekit.rpc.call import current_call
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts import rules, signing_in
from auth_service.accounts.models import User
from auth_service.accounts.signing_in import Desk, PasswordChange
from auth_service.keys.ring import AccessToken, SigningRing
from auth_service.sessions.live_records import LiveRecords
from auth_service.sessions.rules import Client, Grant
from auth_service.workspaces import rules as workspaces
from auth_service.workspaces.rules import WorkspaceRole


class AccountsServicer(accounts_pb2_grpc.AccountsServiceServicer):
    """People: registering, signing in, and what they see of themselves."""

    def __init__(self, desk: Desk, ring: SigningRing, live_records: LiveRecords) -> None:
        self._desk = desk
        self._ring = ring
        self._live_records = live_records

    async def Register(  # noqa: N802 - the contract's name, here and below
        self, request: accounts_pb2.RegisterRequest, context: Any
    ) -> accounts_pb2.RegisterResponse:
        """Create an account and sign it in."""
        del context
        grant = await signing_in.register(
            self._desk,
            email=request.email,
            password=request.password,
            display_name=request.display_name,
            locale=request.locale,
            client=client(),
        )
        return accounts_pb2.RegisterResponse(tokens=tokens_to_wire(grant, self._ring.sign(grant.actor)))

    async def Login(  # noqa: N802
        self, request: accounts_pb2.LoginRequest, context: Any
    ) -> accounts_pb2.LoginResponse:
        """Sign in."""
        del context
        grant = await signing_in.login(self._desk, email=request.email, password=request.password, client=client())
        return accounts_pb2.LoginResponse(tokens=tokens_to_wire(grant, self._ring.sign(grant.actor)))

    async def GetMe(  # noqa: N802
        self, request: accounts_pb2.GetMeRequest, context: Any
    ) -> accounts_pb2.GetMeResponse:
        """Who the caller is."""
        del request, context
        actor = current_call().actor

        async def unit(session: AsyncSession) -> accounts_pb2.GetMeResponse:
            user = await rules.get(session, actor.user_id)
            mine, all_mine = await _workspaces(session, actor)
            return accounts_pb2.GetMeResponse(user=user_to_wire(user), workspace=mine, workspaces=all_mine)

        return await self._desk.database.read(unit)

    async def UpdateMe(  # noqa: N802
        self, request: accounts_pb2.UpdateMeRequest, context: Any
    ) -> accounts_pb2.UpdateMeResponse:
        """Change one's own name or language."""
        del context
        call = current_call()
        changes = {path: str(getattr(request.user, path, "")) for path in request.update_mask.paths}

        async def unit(session: AsyncSession) -> accounts_pb2.UpdateMeResponse:
            user = await rules.update(
                session,
                call.actor.user_id,
                changes,
                expected_version=call.if_match,
                now=self._desk.clock(),
            )
            mine, all_mine = await _workspaces(session, call.actor)
            return accounts_pb2.UpdateMeResponse(user=user_to_wire(user), workspace=mine, workspaces=all_mine)

        return await self._desk.database.write(unit)

    async def ChangePassword(  # noqa: N802
        self, request: accounts_pb2.ChangePasswordRequest, context: Any
    ) -> accounts_pb2.ChangePasswordResponse:
        """Change one's password; every other session ends."""
        del context
        actor = current_call().actor
        async with signing_in.password_change(
            self._desk, actor, current=request.current_password, new=request.new_password, client=client()
        ) as change:
            response = await self._apply(change, actor)
        self._live_records.announced()
        return response

    async def _apply(self, change: PasswordChange, actor: Actor) -> accounts_pb2.ChangePasswordResponse:
        async def unit(session: AsyncSession) -> accounts_pb2.ChangePasswordResponse:
            await signing_in.apply_password_change(session, change, actor, desk=self._desk)
            return accounts_pb2.ChangePasswordResponse()

        try:
            # The password is judged inside: a repeat under its key succeeds, though the password is new by then.
            return await idempotency.once(self._desk.database, accounts_pb2.ChangePasswordResponse, unit)
        except Unauthenticated:
            await self._desk.database.write(partial(signing_in.count_wrong_password, change=change, desk=self._desk))
            raise


def client() -> Client:
    """Where the current call's person is, as the gateway saw it."""
    call = current_call()
    return Client(ip=call.client_ip, user_agent=call.user_agent)


def tokens_to_wire(grant: Grant, access_token: AccessToken) -> accounts_pb2.Tokens:
    """*tokens* of api.md."""
    return accounts_pb2.Tokens(
        access_token=access_token.text,
        token_type="Bearer",  # noqa: S106 - RFC 6750's word
        expires_in=access_token.lifetime_seconds,
        refresh_token=grant.refresh_token,
        refresh_expires_in=grant.refresh_expires_in_seconds,
        user=user_to_wire(grant.user),
        workspace=workspace_to_wire(grant.workspace),
    )


def user_to_wire(user: User) -> accounts_pb2.User:
    """A person without what is secret."""
    created_at = Timestamp()
    created_at.FromDatetime(user.created_at)
    return accounts_pb2.User(
        id=user.id,
        email=user.email,
        display_name=user.display_name,
        locale=user.locale,
        created_at=created_at,
        row_version=user.row_version,
    )


def workspace_to_wire(workspace: WorkspaceRole) -> accounts_pb2.WorkspaceRole:
    """A workspace with the person's role in it."""
    return accounts_pb2.WorkspaceRole(id=workspace.id, name=workspace.name, role=workspace.role.label)


async def _workspaces(
    session: AsyncSession, actor: Actor
) -> tuple[accounts_pb2.WorkspaceRole, Sequence[accounts_pb2.WorkspaceRole]]:
    """The workspace of the caller's token, and all that the caller may know of: of a key, that one alone."""
    mine = await workspaces.find(session, workspace_id=actor.workspace_id, user_id=actor.user_id)
    if mine is None:
        raise Unauthenticated("Your role here has changed; refresh the access token.", reason="token_stale")
    if actor.kind == "api_key":
        return workspace_to_wire(mine), [workspace_to_wire(mine)]
    listed = await workspaces.list_of(session, user_id=actor.user_id)
    return workspace_to_wire(mine), [workspace_to_wire(workspace) for workspace in listed]
