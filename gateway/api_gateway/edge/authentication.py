"""Who sends a request: an access token or an API key, checked without a network call while it is busy."""

import hashlib
import ipaddress
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from servicekit.auth.identity import Actor
from servicekit.auth.live_sessions import LiveRecord
from servicekit.auth.tokens import KeyRing
from servicekit.errors import (
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from starlette.requests import HTTPConnection

from api_gateway import forwarded
from api_gateway.backends import Backends
from api_gateway.edge.live_sessions import LiveSessions

API_KEY_PREFIX: Final = "psk_"
EXCHANGE_SECONDS: Final = 60.0
EXCHANGE_DEADLINE_SECONDS: Final = 3.0
MAX_EXCHANGES: Final = 10_000
MAX_CREDENTIAL_CHARS: Final = 4096


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request, and the signed token that says so to the services."""

    actor: Actor
    token: str


@dataclass(slots=True)
class _Exchange:
    token: str
    allowed_ips: tuple[str, ...]
    record_version: int
    exchanged_at: float = field(default_factory=time.monotonic)


class Authenticator:
    """Turns credentials into a principal.

    Args:
        keys: the ring of public keys.
        sessions: live records of sessions and API keys.
        backends: where API keys are exchanged.
        trusted_proxies: how many proxies of ours add to X-Forwarded-For.
        count_bad_key: told the address of each bad API key; raises ResourceExhausted when there are too many.
    """

    def __init__(
        self,
        keys: KeyRing,
        sessions: LiveSessions,
        backends: Backends,
        *,
        trusted_proxies: int,
        count_bad_key: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._count_bad_key = count_bad_key
        self._keys = keys
        self._sessions = sessions
        self._backends = backends
        self._trusted_proxies = trusted_proxies
        self._exchanges: dict[bytes, _Exchange] = {}

    async def authenticate(self, connection: HTTPConnection) -> Principal:
        """The principal of the Authorization header.

        Raises:
            Unauthenticated: there is none, or it is not good now; reason `token_stale` when a refresh helps.
            ResourceExhausted: it is one more bad API key from an address that has sent many; good ones go on.
            PermissionDenied: an API key came from an address outside its list.
            Unavailable: it cannot be verified now.
        """
        credential = _bearer(connection)
        if credential.startswith(API_KEY_PREFIX):
            return await self._by_api_key(credential, self.client_ip(connection))
        claims = await self._keys.verify(credential)
        _check_record(claims.actor, await self._sessions.record(claims.actor.session_id))
        return Principal(claims.actor, credential)

    def client_ip(self, connection: HTTPConnection) -> str:
        """The client's address: the n-th from the right of X-Forwarded-For behind n proxies of ours."""
        return forwarded.client_ip(connection, self._trusted_proxies)

    def is_https(self, connection: HTTPConnection) -> bool:
        """The person's browser speaks TLS, to us or to a proxy of ours that says so."""
        return forwarded.is_https(connection, self._trusted_proxies)

    async def _by_api_key(self, credential: str, client_ip: str) -> Principal:
        digest = hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()
        exchange = await self._exchange(digest, credential, client_ip)
        claims = await self._keys.verify(exchange.token)
        record = await self._sessions.record(claims.actor.session_id)
        if record.version > exchange.record_version:
            # Rotated, or its owner's role changed: what we hold may be another secret's, or another role's.
            self._exchanges.pop(digest, None)
            exchange = await self._exchange(digest, credential, client_ip)
            exchange.record_version = max(exchange.record_version, record.version)
            claims = await self._keys.verify(exchange.token)
        _check_record(claims.actor, record)
        _check_address(client_ip, exchange.allowed_ips)
        return Principal(claims.actor, exchange.token)

    async def _exchange(self, digest: bytes, credential: str, client_ip: str) -> _Exchange:
        known = self._exchanges.get(digest)
        if known is not None and time.monotonic() - known.exchanged_at < EXCHANGE_SECONDS:
            return known
        try:
            answer = await self._backends.exchange_api_key(credential, timeout_seconds=EXCHANGE_DEADLINE_SECONDS)
        except (DeadlineExceeded, Internal):
            raise Unavailable("API keys cannot be checked now; try again in a moment.", retry_after_seconds=1) from None
        except (Unauthenticated, InvalidArgument):
            # Afterwards, so that a good key never pays for the bad ones of its address.
            if self._count_bad_key is not None:
                await self._count_bad_key(client_ip)
            raise
        while len(self._exchanges) >= MAX_EXCHANGES:
            self._exchanges.pop(next(iter(self._exchanges)))
        exchange = _Exchange(answer.token, answer.allowed_ips, answer.record_version)
        self._exchanges[digest] = exchange
        return exchange


def _bearer(connection: HTTPConnection) -> str:
    given = connection.headers.getlist("authorization")
    if len(given) != 1:
        raise Unauthenticated("Sign in first, or send an API key: `Authorization: Bearer …`.")
    scheme, _, credential = given[0].partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential.isascii() or not 0 < len(credential) <= MAX_CREDENTIAL_CHARS:
        raise Unauthenticated("Send the access token or API key as `Authorization: Bearer …`.")
    return credential


def _check_record(actor: Actor, record: LiveRecord) -> None:
    if record.state != "live":
        raise Unauthenticated("This session has ended; sign in again.")
    if record.roles.get(actor.workspace_id) != actor.role.label:
        raise Unauthenticated("Your access has changed; refresh the token and try again.", reason="token_stale")


def _check_address(client_ip: str, allowed: tuple[str, ...]) -> None:
    if not allowed:
        return
    try:
        address = ipaddress.ip_address(client_ip)
    except ValueError:
        address = None
    if address is None or not any(address in ipaddress.ip_network(network, strict=False) for network in allowed):
        raise PermissionDenied("This API key may not be used from your address.")
