import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import jwt
import pytest
from auth_service.keys import rules
from auth_service.keys.models import SigningKey
from auth_service.keys.ring import SigningRing
from auth_service.keys.rules import KeyPolicy
from auth_service.keys.sealing import seal, unseal
from auth_service_testing import MovedClock, Rig
from cryptography.hazmat.primitives.asymmetric import ec
from promptsphere.auth.v1 import signing_keys_pb2, signing_keys_pb2_grpc
from servicekit.auth.identity import Actor, Role
from servicekit.auth.tokens import KeyRing
from servicekit.db import Database
from servicekit.ids import new_id
from servicekit.migrations import revisions, runner
from sqlalchemy import select, update
from structlog.testing import capture_logs

POLICY = KeyPolicy(secret=b"s" * 32, max_age=timedelta(days=30))
DAY_SECONDS = 86_400
ACTOR = Actor("user", "u", "u", "名字", "w", Role.EDITOR, "s")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    runner.migrate(database_url, revisions.script_location("auth_service"))
    database = Database(database_url)
    yield database
    await database.close()


def ring_on(database: Database, clock: MovedClock) -> SigningRing:
    return SigningRing(database, POLICY, token_seconds=600, clock=clock)


async def states(database: Database) -> list[str]:
    async with database.engine.connect() as connection:
        return sorted(await connection.scalars(select(SigningKey.state)))


def kid_of(ring: SigningRing) -> str:
    return str(jwt.get_unverified_header(ring.sign(ACTOR).text)["kid"])


async def test_processes_that_start_together_agree_on_one_ring(database: Database) -> None:
    rings = [ring_on(database, MovedClock()) for _ in range(8)]

    await asyncio.gather(*(ring.refresh() for ring in rings))

    assert await states(database) == ["active", "next"]
    assert len({kid_of(ring) for ring in rings}) == 1


async def test_what_the_ring_signs_verifies_against_what_it_lists(database: Database) -> None:
    ring = ring_on(database, MovedClock())
    await ring.refresh()
    verifier = KeyRing()
    verifier.put(await ring.public_keys())

    claims = await verifier.verify(ring.sign(ACTOR).text)

    assert claims.actor == ACTOR


async def test_a_key_is_replaced_by_age_and_old_tokens_stay_good(database: Database) -> None:
    clock = MovedClock()
    first, second = ring_on(database, clock), ring_on(database, clock)
    await asyncio.gather(first.refresh(), second.refresh())
    upcoming = {key.kid for key in await first.public_keys()} - {kid_of(first)}
    old_token = first.sign(ACTOR).text

    clock.advance(seconds=30 * DAY_SECONDS)
    await asyncio.gather(first.refresh(), second.refresh())

    assert await states(database) == ["active", "next", "retired"]
    assert {kid_of(first), kid_of(second)} == upcoming
    verifier = KeyRing()
    verifier.put(await first.public_keys())
    assert (await verifier.verify(old_token)).actor == ACTOR
    clock.advance(seconds=3601)
    assert len(await first.public_keys()) == 2


async def test_a_revoked_key_is_not_listed_and_the_next_one_takes_over(database: Database) -> None:
    clock = MovedClock()
    ring = ring_on(database, clock)
    await ring.refresh()
    revoked = kid_of(ring)
    async with database.engine.begin() as connection:
        await connection.execute(update(SigningKey).where(SigningKey.kid == revoked).values(state="revoked", slot=None))

    await ring.refresh()

    assert kid_of(ring) != revoked
    assert revoked not in {key.kid for key in await ring.public_keys()}
    assert await states(database) == ["active", "next", "revoked"]


async def test_a_second_rotation_under_the_lock_does_nothing(database: Database) -> None:
    clock = MovedClock()
    unit = partial(rules.rotate, policy=POLICY, now=clock())
    await database.write(unit)

    await database.write(unit)

    assert await states(database) == ["active", "next"]


async def test_another_secret_is_refused_with_a_sentence(database: Database) -> None:
    await ring_on(database, MovedClock()).refresh()
    other = SigningRing(database, KeyPolicy(b"t" * 32, timedelta(days=30)), token_seconds=600, clock=MovedClock())

    with pytest.raises(ValueError, match="key-encryption"):
        await other.refresh()


def test_a_sealed_key_opens_only_under_its_own_id() -> None:
    private_key, kid = ec.generate_private_key(ec.SECP256R1()), new_id()
    sealed = seal(private_key, kid=kid, secret=b"s" * 32)

    opened = unseal(sealed, kid=kid, secret=b"s" * 32)

    assert opened.private_numbers() == private_key.private_numbers()
    with pytest.raises(ValueError, match="does not open"):
        unseal(sealed, kid=new_id(), secret=b"s" * 32)


async def test_anyone_may_read_the_public_keys(rig: Rig) -> None:
    stub = signing_keys_pb2_grpc.SigningKeysServiceStub(rig.channel)

    answer = await stub.ListSigningKeys(signing_keys_pb2.ListSigningKeysRequest())

    assert [(key.alg, len(key.x), len(key.y)) for key in answer.items] == [("ES256", 43, 43)] * 2


async def test_while_the_active_key_does_not_open_the_last_one_goes_on_signing(database: Database) -> None:
    """A process with another secret has rotated; when the right row is back it is taken up without a restart."""
    clock = MovedClock()
    ring = ring_on(database, clock)
    await ring.refresh()
    first = kid_of(ring)
    async with database.engine.begin() as connection:
        upcoming = (await connection.execute(select(SigningKey).where(SigningKey.state == "next"))).one()
        await connection.execute(
            update(SigningKey).where(SigningKey.state == "next").values(sealed_private_key=b"x" * 99)
        )
    with capture_logs() as logs:
        keeping = asyncio.create_task(ring.keep_refreshed(every_seconds=0.01))
        clock.advance(seconds=31 * DAY_SECONDS)
        async with asyncio.timeout(10):
            while not (keeping.done() or any("unreadable" in entry["event"] for entry in logs)):  # noqa: ASYNC110 - the log tells nobody
                await asyncio.sleep(0.01)
    meanwhile = kid_of(ring)

    async with database.engine.begin() as connection:
        mended = update(SigningKey).where(SigningKey.kid == upcoming.kid)
        await connection.execute(mended.values(sealed_private_key=upcoming.sealed_private_key))

    assert meanwhile == first
    async with asyncio.timeout(10):
        while kid_of(ring) != upcoming.kid:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.01)
    keeping.cancel()
