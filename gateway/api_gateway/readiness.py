"""What this process knows of those it depends on: for `/readyz` and `/statusz`."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from servicekit.auth.tokens import KeyRing
from servicekit.redis.client import GuardedRedis

from api_gateway.backends import Backends

CHECK_SECONDS: Final = 2.0
FIRST_CHECK_SECONDS: Final = 0.05

State = Literal["ok", "degraded", "down"]


@dataclass(slots=True)
class Dependency:
    """How one dependency was found, and since when."""

    state: State = "down"
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    was_reached: bool = False

    def found(self, state: State) -> None:
        """Note what was found just now."""
        if state != self.state:
            self.state, self.since = state, datetime.now(UTC)
        self.was_reached |= state == "ok"


class Readiness:
    """Ready once each backend was reached and the keys are loaded, until draining; Redis never counts."""

    def __init__(self, backends: Backends, keys: KeyRing, redis: GuardedRedis) -> None:
        self._backends = backends
        self._keys = keys
        self._redis = redis
        self.services = {name: Dependency() for name in backends.channels}
        self.is_draining = False

    @property
    def is_ready(self) -> bool:
        """Traffic may come."""
        return not self.is_draining and self._keys.is_loaded and all(one.was_reached for one in self.services.values())

    def waiting_for(self) -> list[str]:
        """What is still missing, in words."""
        missing = [f"{name}-service" for name, one in self.services.items() if not one.was_reached]
        if not self._keys.is_loaded:
            missing.append("signing keys")
        return missing + (["shutting down"] if self.is_draining else [])

    def redis(self) -> Dependency:
        """How Redis was found; without it everything works, slower."""
        return Dependency(state="ok" if self._redis.is_available else "degraded", since=self._redis.since)

    async def follow(self) -> None:
        """Ask every service how it is, for ever."""
        while True:
            answers = await asyncio.gather(*(self._backends.is_serving(name) for name in self.services))
            for one, is_serving in zip(self.services.values(), answers, strict=True):
                one.found("ok" if is_serving else "down")
            await asyncio.sleep(CHECK_SECONDS if self.is_ready else FIRST_CHECK_SECONDS)
