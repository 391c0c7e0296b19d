import orjson
import pytest
from vendor_fakes.dashscope.answers.recorded import Recorded, Recordings
from vendor_fakes.dashscope.json_types import JsonObject, JsonValue

ABOUT = {"role": "user", "content": orjson.dumps({"description": "周报助手", "requirements": []}).decode()}
SCHEMA = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
RECORDED = Recorded("周报助手", parse="{}", write="first", rewrite="second")


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"messages": [ABOUT], "response_format": SCHEMA}, "{}"),
        ({"messages": [ABOUT]}, "first"),
        ({"messages": [ABOUT, {"role": "assistant", "content": "first"}]}, "second"),
        ({"messages": [{"role": "user", "content": '{"description": "else"}'}]}, None),
        ({}, None),
    ],
)
def test_a_call_about_a_known_description_gets_its_recorded_answer(body: JsonObject, answer: str | None) -> None:
    recordings = Recordings()
    recordings.remember(RECORDED)

    assert recordings.answer(body) == answer


def test_a_recording_travels_as_json_and_nothing_else_is_one() -> None:
    assert Recorded.from_json(RECORDED.as_json()) == RECORDED
    wrongs: tuple[JsonValue, ...] = (None, {}, {"description": 5}, {"description": "x", "write": None})
    for wrong in wrongs:
        with pytest.raises(ValueError, match="recording"):
            Recorded.from_json(wrong)
