import asyncio
import base64
import json
import time
from collections.abc import Sequence
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from promptsphere.auth.v1 import api_keys_pb2
from servicekit.auth.identity import Actor, Role
from servicekit.auth.tokens import AUDIENCE, ISSUER, MAX_TOKEN_CHARS, KeyRing, PublicKey, sign_access_token
from servicekit.errors import Unauthenticated, Unavailable
from servicekit.rpc.metadata import AUTHORIZATION
from servicekit.rpc.status import error_from_rpc
from servicekit.tasks import TaskRegistry
from servicekit.testing.rpc import Testbed, public_key

OURS = ec.generate_private_key(ec.SECP256R1())
ES256 = ec.ECDSA(hashes.SHA256())
OUR_HEADER: dict[str, Any] = {"alg": "ES256", "typ": "at+jwt", "kid": "ours"}
FOREIGN = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED = ed25519.Ed25519PrivateKey.generate()
P384 = ec.generate_private_key(ec.SECP384R1())
PUBLIC_PEM = OURS.public_key().public_bytes(
    serialization.Encoding.PEM,
    serialization.PublicFormat.SubjectPublicKeyInfo,
)


def ring() -> KeyRing:
    keys = KeyRing()
    keys.put([public_key(OURS, "ours")])
    return keys


def claims(**changed: object) -> dict[str, object]:
    now = int(time.time())
    whole = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "u",
        "sid": "s",
        "ws": "w",
        "role": "admin",
        "name": "n",
        "jti": "j",
        "iat": now,
        "nbf": now,
        "exp": now + 600,
    } | changed
    return {name: value for name, value in whole.items() if value is not ...}


def signed(
    key: Any = OURS, *, algorithm: str = "ES256", headers: dict[str, Any] | None = None, **changed: object
) -> str:
    return jwt.encode(
        claims(**changed), key, algorithm=algorithm, headers={"kid": "ours", "typ": "at+jwt"} | (headers or {})
    )


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hmac_with_public_key(secret: bytes) -> str:
    import hashlib
    import hmac

    head = f"{part({'alg': 'HS256', 'typ': 'at+jwt', 'kid': 'ours'})}.{part(claims())}"
    return f"{head}.{part(hmac.new(secret, head.encode(), hashlib.sha256).digest())}"


def forgeries() -> dict[str, str]:
    good = signed()
    header, payload, signature = good.split(".")
    now = int(time.time())
    nested = b"[" * 1400 + b"]" * 1400
    sides = {
        "alg none": f"{part({'alg': 'none', 'typ': 'at+jwt', 'kid': 'ours'})}.{payload}.",
        "alg None kept signature": f"{part({'alg': 'None', 'typ': 'at+jwt', 'kid': 'ours'})}.{payload}.{signature}",
        "alg missing": f"{part({'typ': 'at+jwt', 'kid': 'ours'})}.{payload}.{signature}",
        "alg a list": f"{part({'alg': ['ES256'], 'typ': 'at+jwt', 'kid': 'ours'})}.{payload}.{signature}",
        "alg lower case": f"{part({'alg': 'es256', 'typ': 'at+jwt', 'kid': 'ours'})}.{payload}.{signature}",
        "kid a number": f"{part({'alg': 'ES256', 'typ': 'at+jwt', 'kid': 7})}.{payload}.{signature}",
        "kid a path": f"{part({'alg': 'ES256', 'typ': 'at+jwt', 'kid': '../../dev/null'})}.{payload}.{signature}",
        "kid missing": f"{part({'alg': 'ES256', 'typ': 'at+jwt'})}.{payload}.{signature}",
        "header a list": f"{part(['ES256'])}.{payload}.{signature}",
        "header a number": f"{part(1)}.{payload}.{signature}",
        "header no JSON": f"{part(b'{')}.{payload}.{signature}",
        "header not UTF-8": f"{part(bytes([255, 254]))}.{payload}.{signature}",
        "header nested": f"{part(nested)}.{payload}.{signature}",
        "critical extension": f"{part(OUR_HEADER | {'crit': ['x'], 'x': 1})}.{payload}.{signature}",
        "detached payload": f"{part(OUR_HEADER | {'b64': False, 'crit': ['b64']})}..{signature}",
        "HS256 with PEM": hmac_with_public_key(PUBLIC_PEM),
        "HS256 with empty secret": hmac_with_public_key(b""),
        "payload changed": f"{header}.{part(claims(role='admin', ws='other'))}.{signature}",
        "payload nested": f"{header}.{part(nested)}.{signature}",
        "signature empty": f"{header}.{payload}.",
        "signature zeros": f"{header}.{payload}.{part(bytes(64))}",
        "signature short": f"{header}.{payload}.{signature[:40]}",
        "signature long": f"{header}.{payload}.{signature}AAAA",
        "signature bit": f"{header}.{payload}.{('B' if signature[0] != 'B' else 'C') + signature[1:]}",
        "signature DER": f"{header}.{payload}.{part(OURS.sign(f'{header}.{payload}'.encode(), ES256))}",
        "two parts": f"{header}.{payload}",
        "four parts": f"{good}.{signature}",
        "five parts": f"{good}.{signature}.{signature}",
        "dots": "...",
        "empty parts": "..",
        "a word": "hello",
        "an API key": "psk_0123456789abcdef0123456789abcdef",
        "spaces": f"{header}. {payload}.{signature}",
        "newline": f"{header}.{payload}.\n{signature}",
        "NUL": f"{header}.{payload}.{signature}\0",
        "not ASCII": f"{header}.{payload}.{signature}é",
        "surrogate": f"{header}.{payload}.{signature}\ud800",
        "oversized": "A" * (MAX_TOKEN_CHARS + 1),
        "oversized but signed": signed(name="x" * MAX_TOKEN_CHARS),
        "nested token": signed(headers={"cty": "JWT", "typ": "JWT"}, inner=good),
        "foreign key, our kid": signed(FOREIGN),
        "foreign key, its kid": signed(FOREIGN, headers={"kid": "theirs"}),
        "key in the header": signed(FOREIGN, headers={"jwk": {"kty": "EC"}, "kid": "theirs"}),
        "key by URL": signed(FOREIGN, headers={"jku": "https://evil.example/jwks.json", "kid": "theirs"}),
        "RS256": signed(RSA, algorithm="RS256"),
        "EdDSA": signed(ED, algorithm="EdDSA"),
        "ES384": signed(P384, algorithm="ES384"),
        "typ JWT": signed(headers={"typ": "JWT"}),
        "typ id token": signed(headers={"typ": "id+jwt"}),
        "typ missing": signed(headers={"typ": None}),
        "typ a list": f"{part({'alg': 'ES256', 'typ': ['at+jwt'], 'kid': 'ours'})}.{payload}.{signature}",
        "expired": signed(exp=now - 11, nbf=now - 700, iat=now - 700),
        "expired long ago": signed(exp=1, nbf=0, iat=0),
        "not yet": signed(nbf=now + 3600),
        "issued later": signed(iat=now + 3600),
        "another issuer": signed(iss="evil"),
        "empty issuer": signed(iss=""),
        "another audience": signed(aud="other-api"),
        "no audience": signed(aud=...),
        "empty audiences": signed(aud=[]),
        "unknown role": signed(role="owner"),
        "role in another case": signed(role="ADMIN"),
        "role look-alike": signed(role="admın"),
        "role a number": signed(role=3),
        "workspace a number": signed(ws=1),
        "session null": signed(sid=None),
        "name a list": signed(name=["x"]),
        "act unknown": signed(act="delegate"),
        "act empty": signed(act=""),
        "act a list": signed(act=["api_key"]),
        "key without scopes": signed(act="api_key"),
        "key with listed scopes": signed(act="api_key", scope=["read"]),
        "exp text": signed(exp="soon"),
        "exp negative": signed(exp=-1),
        "exp null": signed(exp=None),
    }
    names = ("iss", "exp", "iat", "nbf", "sub", "sid", "ws", "role", "jti")
    without: Any = ...
    missing = {f"without {name}": signed(**{name: without}) for name in names}
    cut = {f"cut at {end}": good[:end] for end in range(0, len(good), max(1, len(good) // 40))}
    return sides | missing | cut


FORGERIES = forgeries()


async def test_a_good_token_says_who_acts() -> None:
    said = await ring().verify(signed())

    assert said.actor == Actor("user", "u", "u", "n", "w", Role.ADMIN, "s", None)


@pytest.mark.parametrize("name", list(FORGERIES))
async def test_no_forged_token_is_accepted(name: str) -> None:
    keys = ring()

    for _ in range(2):  # nor the second time, from what was remembered
        with pytest.raises(Unauthenticated):
            await keys.verify(FORGERIES[name])


SENDABLE = [name for name, token in FORGERIES.items() if token.isprintable() and token.isascii() and token]


@pytest.mark.parametrize("name", SENDABLE)
async def test_no_forged_token_is_accepted_by_a_service(
    system: Any, api_keys: Any, testbed: Testbed, name: str
) -> None:
    testbed.keys.put([public_key(OURS, "ours")])
    caller = ((AUTHORIZATION, f"Bearer {FORGERIES[name]}"),)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(), metadata=caller)

    assert isinstance(error_from_rpc(caught.value), Unauthenticated)
    assert system.calls == []


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dTpw", "Token x", "bearer  "])
async def test_no_other_scheme_is_accepted_by_a_service(api_keys: Any, header: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(), metadata=((AUTHORIZATION, header),))

    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_clock_may_be_ten_seconds_off() -> None:
    now = int(time.time())

    assert (await ring().verify(signed(exp=now - 5, nbf=now - 605, iat=now - 605))).expires_at == now - 5
    assert (await ring().verify(signed(nbf=now + 5, iat=now + 5))).issued_at == now + 5


async def test_what_is_signed_for_a_key_says_its_scopes() -> None:
    actor = Actor("api_key", "k", "u", "应用", "w", Role.EDITOR, "k", frozenset({"deliver", "read"}))

    token = sign_access_token(OURS, kid="ours", actor=actor, token_id="j", lifetime_seconds=60)

    assert (await ring().verify(token)).actor == actor


async def test_a_key_without_any_scope_may_nothing() -> None:
    actor = Actor("api_key", "k", "u", "n", "w", Role.ADMIN, "k", frozenset())

    token = sign_access_token(OURS, kid="ours", actor=actor, token_id="j", lifetime_seconds=60)

    assert (await ring().verify(token)).actor.scopes == frozenset()


async def test_a_remembered_token_still_ends_with_its_lifetime() -> None:
    keys = ring()
    now = int(time.time())
    token = signed(exp=now - 9, nbf=now - 60, iat=now - 60)
    await keys.verify(token)

    while time.time() < now + 1.01:  # noqa: ASYNC110 - the clock decides: its leeway ends in a second
        await asyncio.sleep(0.02)

    with pytest.raises(Unauthenticated):
        await keys.verify(token)


async def test_what_a_dropped_key_signed_is_refused_at_once() -> None:
    keys = ring()
    token = signed()
    await keys.verify(token)

    keys.put([public_key(FOREIGN, "next")])

    with pytest.raises(Unauthenticated):
        await keys.verify(token)


async def test_what_a_replaced_key_of_the_same_id_signed_is_refused_at_once() -> None:
    keys = ring()
    token = signed()
    await keys.verify(token)

    keys.put([public_key(FOREIGN, "ours")])

    with pytest.raises(Unauthenticated):
        await keys.verify(token)


async def test_without_keys_nothing_can_be_said() -> None:
    with pytest.raises(Unavailable) as caught:
        await KeyRing().verify(signed())

    assert caught.value.retry_after_seconds == 1


async def test_without_keys_a_service_is_unavailable(api_keys: Any, testbed: Testbed) -> None:
    caller = testbed.as_user(role="admin")
    testbed.keys.put([])

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(), metadata=caller)

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


class Source:
    """What auth-service would answer; counts how often it was asked."""

    def __init__(self, *answers: Sequence[PublicKey] | Exception) -> None:
        self._answers = list(answers)
        self.asked = 0
        self.changed = asyncio.Condition()

    async def fetch(self) -> Sequence[PublicKey]:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        async with self.changed:
            self.asked += 1
            self.changed.notify_all()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def was_asked(self, times: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.asked >= times)


async def started(source: Source, tasks: TaskRegistry) -> KeyRing:
    keys = KeyRing()
    keys.start(source.fetch, tasks)
    async with asyncio.timeout(5):
        await source.was_asked(1)
    return keys


async def test_unknown_keys_cause_one_fetch_in_ten_seconds() -> None:
    tasks = TaskRegistry()
    source = Source([public_key(OURS, "ours")])
    keys = await started(source, tasks)

    for number in range(50):
        with pytest.raises(Unauthenticated):
            await keys.verify(signed(FOREIGN, headers={"kid": f"unknown-{number}"}))
    await asyncio.gather(
        *(keys.verify(signed(FOREIGN, headers={"kid": f"more-{number}"})) for number in range(50)),
        return_exceptions=True,
    )

    assert source.asked == 2  # the loop's and one more
    await tasks.close()


async def test_a_key_just_made_is_found_by_that_fetch() -> None:
    tasks = TaskRegistry()
    source = Source([public_key(OURS, "ours")], [public_key(OURS, "ours"), public_key(FOREIGN, "new")])
    keys = await started(source, tasks)
    token = signed(FOREIGN, headers={"kid": "new"})

    said = await asyncio.gather(*(keys.verify(token) for _ in range(10)))

    assert {one.actor.user_id for one in said} == {"u"}
    assert source.asked == 2
    await tasks.close()


@pytest.mark.parametrize(
    "trouble",
    [Unavailable("away"), [PublicKey("bad", "AAAA", "AAAA")], [PublicKey("bad", "é!", "")]],
    ids=["away", "no point of the curve", "no base64"],
)
async def test_trouble_with_the_ring_keeps_the_loop_alive_and_the_keys_good(trouble: Any) -> None:
    tasks = TaskRegistry()
    source = Source(trouble, trouble, [public_key(OURS, "ours")])
    keys = await started(source, tasks)

    async with asyncio.timeout(5):
        await source.was_asked(3)
        while not keys.is_loaded:  # noqa: ASYNC110 - the fetch was counted before the ring was put
            await asyncio.sleep(0)

    assert (await keys.verify(signed())).actor.user_id == "u"
    await tasks.close()
