import pytest
from auth_service.accounts import passwords
from auth_service.accounts.passwords import HashParameters, Passwords

CHEAP = HashParameters(memory_kib=7168, iterations=1)


@pytest.fixture
async def hasher() -> Passwords:
    hasher = Passwords(CHEAP, queue_size=8)
    await hasher.prepare()
    return hasher


async def test_a_password_is_the_same_composed_and_decomposed(hasher: Passwords) -> None:
    password_hash = await hasher.hash("caf\u00e9 au lait complet")

    match = await hasher.verify(password_hash, "cafe\u0301 au lait complet")

    assert (match.is_right, match.is_outdated) == (True, False)


async def test_no_hash_is_never_right_whatever_the_password(hasher: Passwords) -> None:
    match = await hasher.verify(None, "nobody has this password")

    assert not match.is_right


async def test_a_hash_of_other_parameters_is_outdated(hasher: Passwords) -> None:
    stronger = Passwords(HashParameters(memory_kib=8192, iterations=1), queue_size=8)
    await stronger.prepare()

    match = await stronger.verify(await hasher.hash("a long enough password"), "a long enough password")

    assert (match.is_right, match.is_outdated) == (True, True)


@pytest.mark.parametrize(
    ("password", "is_good"),
    [("x" * 11, False), ("x" * 12, True), ("密" * 128, True), ("密" * 129, False), ("e\u0301" * 11, False)],
)
def test_a_new_password_has_12_to_128_code_points_after_nfc(password: str, is_good: bool) -> None:  # noqa: FBT001
    assert (passwords.check_new(password, pointer="/password") == []) is is_good
