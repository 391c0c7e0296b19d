"""Sessions and the tokens of one as messages, and where the current call comes from."""

from promptsphere.auth.v1 import accounts_pb2, sessions_pb2
from servicekit.rpc import timestamps
from servicekit.rpc.call import current_call

from auth_service.keys.ring import AccessToken
from auth_service.memberships.wire import workspace_to_wire
from auth_service.sessions.models import SessionFamily
from auth_service.sessions.rules import Device, IssuedRefreshToken
from auth_service.users.wire import user_to_wire


def current_device() -> Device:
    """Where the current call's person is, as the gateway saw it."""
    call = current_call()
    return Device(ip=call.client_ip, user_agent=call.user_agent)


def tokens_to_wire(issued: IssuedRefreshToken, access_token: AccessToken) -> accounts_pb2.Tokens:
    """What a client gets on signing in, in every way of it."""
    return accounts_pb2.Tokens(
        access_token=access_token.text,
        token_type="Bearer",  # noqa: S106 - RFC 6750's word
        expires_in=access_token.lifetime_seconds,
        refresh_token=issued.refresh_token,
        refresh_expires_in=issued.refresh_expires_in_seconds,
        user=user_to_wire(issued.user),
        workspace=workspace_to_wire(issued.workspace),
    )


def session_to_wire(family: SessionFamily, *, current_id: str) -> sessions_pb2.Session:
    """A session as its person sees it; `current_id` is the session that asks."""
    return sessions_pb2.Session(
        id=family.id,
        current=family.id == current_id,
        created_at=timestamps.to_wire(family.created_at),
        last_seen_at=timestamps.to_wire(family.refreshed_at),
        ip=family.ip,
        user_agent=family.user_agent,
    )
