"""The building blocks of prompts: tables in both languages and their reading."""

from dataclasses import dataclass
from functools import cache

from servicekit.json_types import JsonObject

from generation_service.text.data_tables import load_table, table_of, tables_of, text_of, texts_of
from generation_service.text.language import Language

_PACKAGE = "generation_service.writing.blocks"


@dataclass(frozen=True, slots=True)
class InputBlock:
    """A variable of the prompt and what it holds."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class AgentBlock:
    """What a good prompt for one type of agent says, in one language."""

    role: str
    goal: str
    done: tuple[str, ...]
    non_goals: tuple[str, ...]
    inputs: tuple[InputBlock, ...]
    steps: tuple[str, ...]
    rules: tuple[str, ...]
    tone: str
    length: str
    output: tuple[str, ...]
    unsure: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a known concept means as something to do, and where it stands."""

    sentence: str
    section: str
    fixes_shape: bool


@cache
def agent_block(agent_type: str, language: Language) -> AgentBlock:
    """Return the block of an agent type.

    Raises:
        FileNotFoundError: when there is no block of this name; use an id of the agent table.
    """
    table = load_table(_PACKAGE, "agents", f"{agent_type}.toml")
    row = table_of(table, language)
    return AgentBlock(
        role=text_of(row, "role"),
        goal=text_of(row, "goal"),
        done=texts_of(row, "done"),
        non_goals=texts_of(row, "non_goals"),
        inputs=tuple(InputBlock(text_of(each, "name"), text_of(each, language)) for each in tables_of(table, "inputs")),
        steps=texts_of(row, "steps"),
        rules=texts_of(row, "rules"),
        tone=text_of(row, "tone"),
        length=text_of(row, "length"),
        output=texts_of(row, "output"),
        unsure=texts_of(row, "unsure"),
    )


def behaviour(concept: str, agent_type: str, language: Language) -> Behaviour | None:
    """What a concept means for this agent; None when the table has nothing about it."""
    row = table_of(_behaviours(), concept)
    if not row:
        return None
    special = table_of(row, agent_type)
    sentence = text_of(special, language) or text_of(row, language)
    return Behaviour(sentence, text_of(row, "section") or "rules", row.get("shape") is True)


def all_sentences(concept: str, language: Language) -> tuple[str, ...]:
    """Every sentence that stands for a concept, whatever the agent, tensions with other concepts included."""
    row = table_of(_behaviours(), concept)
    special = [text_of(value, language) for value in row.values() if isinstance(value, dict)]
    tensions = table_of(_behaviours(), "tension")
    shared = [text_of(table_of(tensions, key), language) for key in tensions if concept in key.split("_")]
    return tuple(sentence for sentence in (text_of(row, language), *special, *shared) if sentence)


def tension(first: str, second: str, language: Language) -> str:
    """The one sentence that keeps two opposite concepts, empty when the table has none."""
    tensions = table_of(_behaviours(), "tension")
    return text_of(table_of(tensions, "_".join(sorted((first, second)))), language)


def frame(key: str, language: Language) -> str:
    """A framing sentence, with `{name}` where something is to be filled in."""
    return text_of(table_of(frame_table(), language), key)


@cache
def frame_table() -> JsonObject:
    """The table of frames and layouts."""
    return load_table(_PACKAGE, "frame.toml")


@cache
def _behaviours() -> JsonObject:
    return load_table(_PACKAGE, "behaviours.toml")
