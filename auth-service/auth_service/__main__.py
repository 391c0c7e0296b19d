"""Starts auth-service: `python -m auth_service`, or `python -m auth_service migrate`."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from promptsphere.auth.v1 import (
    accounts_pb2_grpc,
    api_keys_pb2_grpc,
    sessions_pb2_grpc,
    signing_keys_pb2_grpc,
)
from servicekit import housekeeping, idempotency, service
from servicekit.db.paging import CursorSigner
from servicekit.db.schema import now
from servicekit.housekeeping import Purge
from servicekit.service import Running

from auth_service.accounts import throttle
from auth_service.accounts.context import SignInContext
from auth_service.accounts.passwords import HashParameters, Passwords
from auth_service.accounts.servicer import AccountsServicer
from auth_service.api_keys import live_record as key_record
from auth_service.api_keys.servicer import ApiKeysServicer
from auth_service.clock import Clock
from auth_service.keys.ring import SigningRing
from auth_service.keys.rules import KeyPolicy
from auth_service.keys.servicer import SigningKeysServicer
from auth_service.live_records.guard import guarded
from auth_service.live_records.publishing import LiveRecords
from auth_service.sessions import families
from auth_service.sessions import live_record as session_record
from auth_service.sessions.rules import SessionPolicy
from auth_service.sessions.servicer import SessionsServicer
from auth_service.settings import AuthSettings


@asynccontextmanager
async def compose(running: Running[AuthSettings], *, clock: Clock = now) -> AsyncIterator[None]:
    """Put auth-service together; left after the server has stopped."""
    settings, database = running.settings, running.database
    policy = _session_policy(settings)
    ring = SigningRing(
        database,
        KeyPolicy(settings.secret("key-encryption"), timedelta(days=settings.signing_key_days)),
        token_seconds=settings.access_token_seconds,
        clock=clock,
    )
    await ring.refresh()
    passwords = Passwords(
        HashParameters(settings.password_memory_kib, settings.password_iterations),
        queue_size=settings.password_queue_size,
    )
    await passwords.prepare()
    redis = running.redis if settings.redis_url else None
    readers = (partial(session_record.read, idle=policy.idle), key_record.read)
    live_records = LiveRecords(database, redis, readers, clock=clock)
    sign_in = SignInContext(database, passwords, policy, clock, settings.registration_open)
    cursors = CursorSigner(settings.secret("cursor"))
    server = guarded(running.server, live_records)
    accounts_pb2_grpc.add_AccountsServiceServicer_to_server(AccountsServicer(sign_in, ring, live_records), server)
    sessions_pb2_grpc.add_SessionsServiceServicer_to_server(
        SessionsServicer(database, policy, ring, live_records, cursors, clock), server
    )
    api_keys_pb2_grpc.add_ApiKeysServiceServicer_to_server(
        ApiKeysServicer(database, ring, live_records, cursors, clock), server
    )
    signing_keys_pb2_grpc.add_SigningKeysServiceServicer_to_server(SigningKeysServicer(ring), server)
    running.tasks.spawn("signing-keys", ring.keep_refreshed())
    running.tasks.spawn("live-records", live_records.keep_published())
    running.tasks.spawn("housekeeping", housekeeping.keep_purged(database, purges(clock)))
    try:
        async with service.trust(running, ring.public_keys):
            yield
    finally:
        passwords.close()


def purges(clock: Clock) -> Sequence[Purge]:
    """What no longer counts: expired sessions, forgotten failures, old idempotency keys."""
    return (
        lambda session: families.purge(session, now=clock()),
        lambda session: throttle.purge(session, now=clock()),
        idempotency.purge,
    )


def _session_policy(settings: AuthSettings) -> SessionPolicy:
    return SessionPolicy(
        refresh_key=settings.secret("refresh"),
        idle=timedelta(seconds=settings.session_idle_seconds),
        absolute=timedelta(seconds=settings.session_absolute_seconds),
        grace=timedelta(seconds=settings.refresh_grace_seconds),
    )


if __name__ == "__main__":
    sys.exit(service.main("auth-service", settings=AuthSettings, package="auth_service", compose=compose))
