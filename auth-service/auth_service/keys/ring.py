"""The signing key of this process: read from the table every few seconds, rotated by age, signing tokens."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from servicekit.auth.identity import Actor
from servicekit.auth.tokens import PublicKey, sign_access_token
from servicekit.db import Database
from servicekit.errors import Unavailable
from servicekit.ids import new_id
from servicekit.log import get_logger
from sqlalchemy.exc import IntegrityError

from auth_service.clock import Clock
from auth_service.keys import rules
from auth_service.keys.rules import KeyPolicy
from auth_service.keys.sealing import unseal

RELOAD_SECONDS = 5.0

_log = get_logger()


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and how long it lives from now."""

    text: str
    lifetime_seconds: int


class SigningRing:
    """Signs access tokens with the active key and lists the public halves.

    Args:
        database: where the keys are.
        policy: how they are sealed and when they are replaced.
        token_seconds: how long an access token lives.
        clock: the time.
    """

    def __init__(self, database: Database, policy: KeyPolicy, *, token_seconds: int, clock: Clock) -> None:
        self._database = database
        self._policy = policy
        self._token_seconds = token_seconds
        self._clock = clock
        self._kid = ""
        self._private_key: EllipticCurvePrivateKey | None = None

    def sign(self, actor: Actor, *, at_most_seconds: int | None = None) -> AccessToken:
        """A token for `actor` that lives as long as they do here, or `at_most_seconds` if that is less.

        Raises:
            Unavailable: no key could be read yet.
        """
        if self._private_key is None:
            raise Unavailable("The signing keys cannot be read yet; try again.", retry_after_seconds=1.0)
        lifetime = self._token_seconds
        if at_most_seconds is not None:
            lifetime = min(lifetime, at_most_seconds)
        text = sign_access_token(
            self._private_key,
            kid=self._kid,
            actor=actor,
            token_id=new_id(),
            lifetime_seconds=lifetime,
            issued_at=int(self._clock().timestamp()),
        )
        return AccessToken(text, lifetime)

    async def public_keys(self) -> Sequence[PublicKey]:
        """Every key whose tokens may still be valid.

        Raises:
            Unavailable: the database does not answer.
        """
        keys = await self._database.read(partial(rules.published, now=self._clock()))
        return [PublicKey(kid=key.kid, x=key.x, y=key.y) for key in keys]

    async def refresh(self) -> None:
        """Rotate the keys if that is due, and sign with the active one from now on.

        Raises:
            Unavailable: the database does not answer.
            ValueError: the active key does not open with our secret.
        """
        check = partial(rules.is_rotation_due, policy=self._policy, now=self._clock())
        if await self._database.read(check):
            await self._rotate()
        keys = await self._database.read(partial(rules.published, now=self._clock()))
        active = next((key for key in keys if key.state == "active"), None)
        if active is None:
            raise Unavailable("There is no signing key at this moment; try again.", retry_after_seconds=1.0)
        if active.kid == self._kid:
            return
        self._private_key = unseal(active.sealed_private_key, kid=active.kid, secret=self._policy.secret)
        self._kid = active.kid
        _log.info("signing key chosen", kid=active.kid)

    async def keep_refreshed(self, *, every_seconds: float = RELOAD_SECONDS) -> None:
        """Refresh for ever; while the keys cannot be read, or not be opened, the last one goes on signing."""
        was_reachable = True
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.refresh()
            except (Unavailable, ValueError) as problem:  # ValueError: a process with another secret has rotated
                if was_reachable:
                    _log.warning("signing keys became unreadable", problem=str(problem))
                was_reachable = False
            else:
                was_reachable = True

    async def _rotate(self) -> None:
        unit = partial(rules.rotate, policy=self._policy, now=self._clock())
        try:
            await self._database.write(unit)
        except IntegrityError:
            # Another process filled the slot in the same moment, with a key as good as ours.
            _log.info("another process made the signing keys")
        else:
            _log.info("signing keys put in order")
