"""What it takes to sign people in, put together once at the start."""

from dataclasses import dataclass

from servicekit.db import Database

from auth_service.accounts.passwords import Passwords
from auth_service.clock import Clock
from auth_service.sessions.rules import SessionPolicy


@dataclass(frozen=True, slots=True)
class SignInContext:
    """What every way of signing in needs."""

    database: Database
    passwords: Passwords
    sessions: SessionPolicy
    clock: Clock
    is_registration_open: bool
