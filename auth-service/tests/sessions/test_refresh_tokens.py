from uuid import uuid4

import pytest
from auth_service.sessions import refresh_tokens

KEY = b"k" * 32


def test_a_token_is_the_same_each_time_and_differs_by_family_generation_and_key() -> None:
    family = str(uuid4())
    token = refresh_tokens.make(KEY, family_id=family, generation=3)

    assert token == refresh_tokens.make(KEY, family_id=family, generation=3)
    assert token != refresh_tokens.make(KEY, family_id=family, generation=4)
    assert token != refresh_tokens.make(KEY, family_id=str(uuid4()), generation=3)
    assert token != refresh_tokens.make(b"l" * 32, family_id=family, generation=3)


def test_a_token_says_its_family_and_generation() -> None:
    family = str(uuid4())

    presented = refresh_tokens.parse(refresh_tokens.make(KEY, family_id=family, generation=2**40))

    assert presented is not None
    assert (presented.family_id, presented.generation) == (family, 2**40)


@pytest.mark.parametrize("text", ["", "psr_", "psr_abc", "psr_" + "=" * 75, "psr_é", "psk_" + "A" * 75, "A" * 79])
def test_what_is_not_a_token_is_recognised(text: str) -> None:
    assert refresh_tokens.parse(text) is None
