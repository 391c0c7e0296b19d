import uuid

import pytest
from servicekit.ids import is_id, new_id


def test_an_id_is_a_uuid_of_version_seven_in_canonical_spelling() -> None:
    made = new_id()

    assert uuid.UUID(made).version == 7
    assert str(uuid.UUID(made)) == made
    assert is_id(made)


def test_ids_made_later_sort_later() -> None:
    made = [new_id() for _ in range(10_000)]

    assert made == sorted(set(made))


def test_any_version_of_uuid_can_be_an_id() -> None:
    """Only the spelling is judged: a row written by other means must still be found."""
    assert is_id(str(uuid.uuid4()))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01980f5e7c1a7f3e9d1b2f6c1a0b9e42",
        "01980F5E-7C1A-7F3E-9D1B-2F6C1A0B9E42",
        "{01980f5e-7c1a-7f3e-9d1b-2f6c1a0b9e42}",
        "01980f5e-7c1a-7f3e-9d1b-2f6c1a0b9e42\n",
        " 01980f5e-7c1a-7f3e-9d1b-2f6c1a0b9e42",
        "01980f5e-7c1a-7f3e-9d1b-2f6c1a0b9e4g",
        "０1980f5e-7c1a-7f3e-9d1b-2f6c1a0b9e42",
    ],
)
def test_what_is_spelt_otherwise_is_no_id(text: str) -> None:
    assert not is_id(text)
