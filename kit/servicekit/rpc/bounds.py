"""The most that each field of a request may hold, read from the contract and enforced before every handler.

A string, a list or a map without a bound may hold nothing, as an RPC without a level may be called by nobody: who adds
a field thinks about its size, and what is stored never depends on a check that somebody forgot.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from promptsphere.policy.v1 import policy_pb2

from servicekit.errors import InvalidArgument, Violation

MAX_SHOWN: Final = 20
"""Violations that are listed; whoever sends more has one mistake, not many."""
ELSEWHERE: Final = ("path/", "query/")
TEXTS: Final = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES})
FIELD_MASK: Final = "google.protobuf.FieldMask"


@dataclass(frozen=True, slots=True)
class FieldBounds:
    """What the contract says of one field.

    Attributes:
        path: its place in the REST request, from its parent's; empty when its content lies in the parent itself.
        max_bytes: of a string or of each string in it.
        max_items: of a list, a map or a field mask.
        is_text: a string or bytes, or a list of them.
        is_list: a list that is no map.
        is_map: a map.
        is_mask: a field mask, which is a list of strings to us.
    """

    path: str
    max_bytes: int
    max_items: int
    is_text: bool
    is_list: bool
    is_map: bool
    is_mask: bool


@dataclass(frozen=True, slots=True)
class Excess:
    """One field that holds too much."""

    pointer: str
    limit: int
    unit: str

    @property
    def message(self) -> str:
        """What to do, after the field's name."""
        if self.limit == 0:
            return "is not taken here"
        return f"must have at most {self.limit} {self.unit}"


def check_bounds(request: Message) -> None:
    """See that no field of a request, however deep, holds more than the contract allows; linear in its size.

    Raises:
        InvalidArgument: with a pointer into the REST request for each field that does, the first one's limit in the
            metadata as `max_bytes` or `max_items`.
    """
    found = list(islice(_excesses(request, ""), MAX_SHOWN))
    if found:
        first = found[0]
        raise InvalidArgument(
            f"{first.pointer.rpartition('/')[2] or 'The request'} {first.message}.",
            metadata={f"max_{first.unit}": str(first.limit)},
            violations=[Violation(one.pointer, one.message) for one in found],
        )


@cache
def bounds_of(field: FieldDescriptor) -> FieldBounds:
    """What the contract says of a field; zero where it says nothing."""
    options = field.GetOptions()
    bounds = options.Extensions[policy_pb2.bounds]
    named = options.HasExtension(policy_pb2.body_name)
    kind = field.message_type
    is_map = kind is not None and kind.GetOptions().map_entry
    return FieldBounds(
        path=options.Extensions[policy_pb2.body_name] if named else field.name,
        max_bytes=bounds.max_bytes,
        max_items=bounds.max_items,
        is_text=field.type in TEXTS,
        is_list=field.is_repeated and not is_map,
        is_map=is_map,
        is_mask=kind is not None and kind.full_name == FIELD_MASK,
    )


def _excesses(message: Message, parent: str) -> Iterator[Excess]:
    for field, value in message.ListFields():
        bounds = bounds_of(field)
        pointer = _below(parent, bounds.path)
        if bounds.is_map and field.message_type is not None:
            yield from _in_map(value, pointer, bounds, field.message_type)
        elif bounds.is_list:
            yield from _in_list(value, pointer, bounds)
        elif bounds.is_mask:
            yield from _in_list(value.paths, pointer, bounds)
        elif bounds.is_text:
            yield from _in_text(value, pointer, bounds)
        elif field.message_type is not None:
            yield from _excesses(value, pointer)


def _in_list(values: Any, pointer: str, bounds: FieldBounds) -> Iterator[Excess]:
    if len(values) > bounds.max_items:
        yield Excess(pointer, bounds.max_items, "items")
    elif bounds.is_text or bounds.is_mask:
        yield from _in_texts(values, pointer, bounds)
    elif values and isinstance(values[0], Message):
        for index, value in enumerate(values):
            yield from _excesses(value, f"{pointer}/{index}")


def _in_texts(values: Iterable[str | bytes], pointer: str, bounds: FieldBounds) -> Iterator[Excess]:
    for index, value in enumerate(values):
        yield from _in_text(value, f"{pointer}/{index}", bounds)


def _in_map(values: Any, pointer: str, bounds: FieldBounds, entry: Descriptor) -> Iterator[Excess]:
    if len(values) > bounds.max_items:
        yield Excess(pointer, bounds.max_items, "items")
        return
    holds_text = entry.fields_by_name["value"].type in TEXTS
    for key, value in values.items():
        yield from _in_text(key, pointer, bounds)
        if holds_text:
            yield from _in_text(value, _below(pointer, _escaped(str(key))), bounds)
        elif isinstance(value, Message):
            yield from _excesses(value, _below(pointer, _escaped(str(key))))


def _in_text(value: object, pointer: str, bounds: FieldBounds) -> Iterator[Excess]:
    if isinstance(value, str | bytes) and _is_longer(value, bounds.max_bytes):
        yield Excess(pointer, bounds.max_bytes, "bytes")


def _is_longer(value: str | bytes, max_bytes: int) -> bool:
    if len(value) > max_bytes:
        return True
    return isinstance(value, str) and 4 * len(value) > max_bytes and len(value.encode()) > max_bytes


def _below(parent: str, path: str) -> str:
    if not path:
        return parent
    return f"/{path}" if path.startswith(ELSEWHERE) else f"{parent}/{path}"


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
