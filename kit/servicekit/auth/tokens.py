"""Access tokens: JWTs signed with ES256 (RFC 9068), verified by everyone against a ring of public keys."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from jwt.algorithms import ECAlgorithm

from servicekit.auth.identity import Actor, Role
from servicekit.errors import SphereError, Unauthenticated, Unavailable
from servicekit.log import get_logger
from servicekit.tasks import TaskRegistry

ISSUER: Final = "promptsphere"
AUDIENCE: Final = "promptsphere-api"
ALGORITHM: Final = "ES256"
TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - the media type of RFC 9068, not a secret
MAX_TOKEN_CHARS = 4096
LEEWAY_SECONDS = 10
CACHE_SECONDS = 60.0
CACHE_ENTRIES = 10_000
RELOAD_SECONDS = 5.0
UNKNOWN_KID_RELOAD_SECONDS = 10.0

_log = get_logger()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A P-256 public key: its id and affine coordinates in base64url (RFC 7518 section 6.2)."""

    kid: str
    x: str
    y: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says.

    Attributes:
        actor: who acts, where, with which role.
        token_id: claim `jti`.
        issued_at: seconds since 1970.
        expires_at: seconds since 1970.
    """

    actor: Actor
    token_id: str
    issued_at: int
    expires_at: int


def sign_access_token(
    private_key: EllipticCurvePrivateKey,
    *,
    kid: str,
    actor: Actor,
    token_id: str,
    lifetime_seconds: int,
    issued_at: int | None = None,
) -> str:
    """A signed token for `actor`; only auth-service holds a private key."""
    now = int(time.time()) if issued_at is None else issued_at
    claims: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": actor.user_id,
        "sid": actor.session_id,
        "ws": actor.workspace_id,
        "role": actor.role.label,
        "name": actor.name,
        "jti": token_id,
        "iat": now,
        "nbf": now,
        "exp": now + lifetime_seconds,
    }
    if actor.kind == "api_key":
        claims |= {"act": "api_key", "scope": " ".join(sorted(actor.scopes or ()))}
    return jwt.encode(claims, private_key, algorithm=ALGORITHM, headers={"kid": kid, "typ": TOKEN_TYPE})


class KeyRing:
    """The public keys that are good now, and the tokens that were found good a moment ago."""

    def __init__(self) -> None:
        self._ring: frozenset[PublicKey] = frozenset()
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        self._verified: dict[bytes, tuple[float, Claims]] = {}
        self._fetch: Callable[[], Awaitable[Sequence[PublicKey]]] | None = None
        self._reload_lock = asyncio.Lock()
        self._last_extra_reload = float("-inf")

    @property
    def is_loaded(self) -> bool:
        """At least one key is known."""
        return bool(self._keys)

    def start(self, fetch: Callable[[], Awaitable[Sequence[PublicKey]]], tasks: TaskRegistry) -> None:
        """Read the ring now and every five seconds, for as long as `tasks` lives."""
        self._fetch = fetch
        tasks.spawn("key-ring-reload", self._reload_forever())

    def put(self, keys: Sequence[PublicKey]) -> None:
        """Replace the ring; what a dropped key signed is no longer remembered as good.

        Raises:
            ValueError: one of them is not a P-256 public key; the ring stays as it was.
        """
        ring = frozenset(keys)
        if ring == self._ring:
            return
        self._keys = {key.kid: _public_key(key) for key in ring}
        self._ring = ring
        self._verified.clear()

    async def verify(self, token: str) -> Claims:
        """What `token` says, if it is ours and good now.

        Raises:
            Unauthenticated: it is malformed, forged, expired or of another kind.
            Unavailable: no key could be read yet, so nothing can be said about it.
        """
        if len(token) > MAX_TOKEN_CHARS:
            raise _refusal()
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(digest)
        if known is not None and time.monotonic() < known[0] and time.time() < known[1].expires_at + LEEWAY_SECONDS:
            return known[1]
        claims = await self._verify_signature(token)
        self._remember(digest, claims)
        return claims

    def _remember(self, digest: bytes, claims: Claims) -> None:
        while len(self._verified) >= CACHE_ENTRIES:
            self._verified.pop(next(iter(self._verified)))
        self._verified[digest] = (time.monotonic() + CACHE_SECONDS, claims)

    async def _verify_signature(self, token: str) -> Claims:
        key = await self._key_of(token)
        try:
            payload = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "nbf", "sub", "sid", "ws", "role", "jti"]},
            )
            return _claims(payload)
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, OverflowError, RecursionError):
            raise _refusal() from None

    async def _key_of(self, token: str) -> EllipticCurvePublicKey:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise _refusal() from None
        kid = header.get("kid")
        # PyJWT does not look at `typ`; without this an identity token of another kind would pass.
        if header.get("alg") != ALGORITHM or header.get("typ") != TOKEN_TYPE or not isinstance(kid, str):
            raise _refusal()
        if kid not in self._keys:
            await self._reload_for_unknown_key()
        if not self._keys:
            raise Unavailable("The signing keys cannot be read yet; try again in a moment.", retry_after_seconds=1)
        if kid not in self._keys:
            raise _refusal()
        return self._keys[kid]

    async def _reload_for_unknown_key(self) -> None:
        """At most one fetch in ten seconds, or forged tokens would drive traffic to auth-service."""
        async with self._reload_lock:
            now = time.monotonic()
            if now - self._last_extra_reload < UNKNOWN_KID_RELOAD_SECONDS:
                return
            self._last_extra_reload = now
            await self._reload()

    async def _reload_forever(self) -> None:
        was_reachable = True
        while True:
            is_reachable = await self._reload()
            if is_reachable != was_reachable:
                _log.info("signing keys became readable" if is_reachable else "signing keys became unreadable")
            was_reachable = is_reachable
            await asyncio.sleep(RELOAD_SECONDS if self._keys else 0.1)

    async def _reload(self) -> bool:
        if self._fetch is None:
            return False
        try:
            self.put(await self._fetch())
        except (SphereError, ValueError):
            return False  # the ring stays as it is; the transition is logged by the loop
        return True


def _refusal() -> Unauthenticated:
    return Unauthenticated("The access token is not valid or has expired; refresh it or sign in again.")


def _public_key(key: PublicKey) -> EllipticCurvePublicKey:
    try:
        made = ECAlgorithm.from_jwk({"kty": "EC", "crv": "P-256", "x": key.x, "y": key.y})
    except jwt.PyJWTError:
        raise ValueError(f"key {key.kid!r} is not a P-256 public key") from None
    return cast("EllipticCurvePublicKey", made)


def _claims(payload: Mapping[str, Any]) -> Claims:
    act = payload.get("act")
    if act not in (None, "api_key"):  # a kind that this version does not know is not a person without limits
        raise ValueError("an actor of an unknown kind")
    kind: Literal["user", "api_key"] = "api_key" if act else "user"
    actor = Actor(
        kind=kind,
        id=_text(payload["sid"] if kind == "api_key" else payload["sub"]),
        user_id=_text(payload["sub"]),
        name=_text(payload.get("name", "")),
        workspace_id=_text(payload["ws"]),
        role=Role.parse(_text(payload["role"])),
        session_id=_text(payload["sid"]),
        scopes=frozenset(_text(payload["scope"]).split()) if kind == "api_key" else None,
    )
    return Claims(
        actor=actor,
        token_id=_text(payload["jti"]),
        issued_at=int(payload["iat"]),
        expires_at=int(payload["exp"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a claim that must be text is not")
    return value
