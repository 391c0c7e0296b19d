"""Answers that a model once gave to a description, given again to whoever asks about the same one."""

from dataclasses import asdict, dataclass, field

from vendor_fakes.dashscope.answers.conversation import user_data, wanted_schema
from vendor_fakes.dashscope.json_types import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Recorded:
    """One description's answers by task; None leaves the task to the fake's own wits.

    Args:
        description: as it stands in the data of the call.
        parse: to a call with a schema.
        write: to a call without one.
        rewrite: to a call that shows an earlier answer of the model.
    """

    description: str
    parse: str | None = None
    write: str | None = None
    rewrite: str | None = None

    @classmethod
    def from_json(cls, value: JsonValue) -> "Recorded":
        """A recording from the control API's JSON. Raises ValueError."""
        texts = {key: text for key, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else {}
        if texts != value or "description" not in texts:
            raise ValueError("a recording is an object of texts with a description")
        return cls(**texts)

    def as_json(self) -> JsonObject:
        """The recording as the control API takes it."""
        return {name: text for name, text in asdict(self).items() if text is not None}


@dataclass(slots=True)
class Recordings:
    """The last recording of each description."""

    by_description: dict[str, Recorded] = field(default_factory=dict)

    def remember(self, recorded: Recorded) -> None:
        """Answer like this from now on."""
        self.by_description[recorded.description] = recorded

    def answer(self, body: JsonObject) -> str | None:
        """The recorded answer to a request; None when there is none."""
        recorded = self.by_description.get(described_in(body))
        if recorded is None:
            return None
        if wanted_schema(body) is not None:
            return recorded.parse
        messages = body.get("messages")
        roles = [one.get("role") for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
        return recorded.rewrite if "assistant" in roles else recorded.write


def described_in(body: JsonObject) -> str:
    """The description that a request is about; empty when there is none."""
    description = user_data(body).get("description")
    return description if isinstance(description, str) else ""
