"""No field of any request takes more than the contract says: found by walking the descriptors, not by a list."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, field_mask_pb2, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from promptsphere.policy.v1 import policy_pb2
from servicekit.errors import InvalidArgument
from servicekit.rpc.bounds import check_bounds

PROTOS = Path(__file__).parents[2] / "protos"
TEXTS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
FieldPath = tuple[FieldDescriptor, ...]


def rpc_requests() -> dict[str, Descriptor]:
    """The request of every RPC of every contract."""
    found: dict[str, Descriptor] = {}
    for proto in sorted(PROTOS.glob("promptsphere/*/v1/*.proto")):
        module = ".".join(proto.relative_to(PROTOS).with_suffix("").parts) + "_pb2"
        for service in importlib.import_module(module).DESCRIPTOR.services_by_name.values():
            found |= {method.input_type.full_name: method.input_type for method in service.methods}
    return found


def fields_below(descriptor: Descriptor, path: FieldPath = ()) -> Iterator[FieldPath]:
    """Every field of a message, however deep; a message within itself once."""
    for field in descriptor.fields:
        yield (*path, field)
        kind = field.message_type
        if kind is not None and kind not in {one.message_type for one in path} and not is_mask(field):
            yield from fields_below(kind, (*path, field))


def is_mask(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name == "google.protobuf.FieldMask"


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def bounds_for(path: FieldPath) -> policy_pb2.Bounds:
    """The declared bounds of a field; those of a map stand on the map."""
    holder = path[-2] if len(path) > 1 and is_map(path[-2]) else path[-1]
    return holder.GetOptions().Extensions[policy_pb2.bounds]


def unbounded(descriptor: Descriptor) -> list[str]:
    """The fields whose size nothing limits."""
    found = []
    for path in fields_below(descriptor):
        bounds, field = bounds_for(path), path[-1]
        needs_items = field.is_repeated or is_mask(field)
        needs_bytes = field.type in TEXTS or is_mask(field)
        if (needs_items and not bounds.max_items) or (needs_bytes and not bounds.max_bytes):
            found.append(".".join(one.name for one in path))
    return found


def holding(descriptor: Descriptor, path: FieldPath, *, items: int, text: str) -> Any:
    """A request in which only the field at the end of `path` holds something: so many items, or one of this text."""
    request = message_factory.GetMessageClass(descriptor)()
    holder: Any = request
    for step in path[:-1]:
        below = getattr(holder, step.name)
        holder = below.add() if step.is_repeated else below
    field = path[-1]
    if is_mask(field):
        getattr(holder, field.name).CopyFrom(field_mask_pb2.FieldMask(paths=[text] * items))
    elif is_map(field):
        for number in range(items):
            getattr(holder, field.name)[f"{number}{text}"] = 1
    elif field.is_repeated and field.message_type is not None:
        for _ in range(items):
            getattr(holder, field.name).add()
    elif field.is_repeated:
        getattr(holder, field.name).extend([text] * items)
    else:
        setattr(holder, field.name, text)
    return request


REQUESTS = rpc_requests()


def cases() -> Iterator[tuple[str, FieldPath]]:
    for name, descriptor in sorted(REQUESTS.items()):
        for path in fields_below(descriptor):
            bounds = bounds_for(path)
            if (bounds.max_bytes or bounds.max_items) and not any(is_map(one) for one in path[:-1]):
                yield name, path


CASES = list(cases())


def test_all_requests_are_seen() -> None:
    assert len(REQUESTS) >= 35
    assert len(CASES) >= 100


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_every_string_list_and_map_of_a_request_has_a_bound(name: str) -> None:
    assert unbounded(REQUESTS[name]) == []


@pytest.mark.parametrize(
    ("name", "path"), CASES, ids=[f"{name}.{'.'.join(one.name for one in path)}" for name, path in CASES]
)
def test_one_more_than_the_bound_is_refused_with_its_place_and_limit(name: str, path: FieldPath) -> None:
    bounds, descriptor = bounds_for(path), REQUESTS[name]
    if bounds.max_items:
        check_bounds(holding(descriptor, path, items=bounds.max_items, text="x"))
        refused_for(holding(descriptor, path, items=bounds.max_items + 1, text="x"), max_items=bounds.max_items)
    if bounds.max_bytes:
        wide, rest = divmod(bounds.max_bytes - is_map(path[-1]), 3)
        check_bounds(holding(descriptor, path, items=1, text="字" * wide + "x" * rest))
        refused_for(holding(descriptor, path, items=1, text="字" * (wide + 1)), max_bytes=bounds.max_bytes)
        refused_for(holding(descriptor, path, items=1, text="x" * (bounds.max_bytes + 1)), max_bytes=bounds.max_bytes)


def refused_for(request: Any, **limit: int) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        check_bounds(request)
    (violation,) = refusal.value.violations
    assert violation.pointer.startswith("/")
    assert "//" not in violation.pointer
    assert str(*limit.values()) in violation.message
    assert dict(refusal.value.metadata) == {name: str(value) for name, value in limit.items()}


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        (FieldDescriptor.LABEL_OPTIONAL, FieldDescriptor.TYPE_STRING),
        (FieldDescriptor.LABEL_OPTIONAL, FieldDescriptor.TYPE_BYTES),
        (FieldDescriptor.LABEL_REPEATED, FieldDescriptor.TYPE_STRING),
        (FieldDescriptor.LABEL_REPEATED, FieldDescriptor.TYPE_INT32),
    ],
    ids=["string", "bytes", "strings", "numbers"],
)
def test_a_field_that_somebody_forgot_to_bound_is_found_and_takes_nothing(label: Any, kind: Any) -> None:
    descriptor = planted(label, kind)
    request: Any = message_factory.GetMessageClass(descriptor)()
    below = request.below.add()
    value: Any = {FieldDescriptor.TYPE_STRING: "x", FieldDescriptor.TYPE_BYTES: b"x"}.get(kind, 1)
    if label == FieldDescriptor.LABEL_REPEATED:
        below.forgotten.append(value)
    else:
        below.forgotten = value

    assert unbounded(descriptor) == ["below.forgotten"]
    with pytest.raises(InvalidArgument, match="forgotten is not taken here"):
        check_bounds(request)


def planted(label: Any, kind: Any) -> Descriptor:
    """A contract with one bounded list of messages, in which one field has no bound."""
    file = descriptor_pb2.FileDescriptorProto(name=f"planted_{label}_{kind}.proto", package="planted", syntax="proto3")
    inner = file.message_type.add(name=f"Inner{label}{kind}")
    inner.field.add(name="forgotten", number=1, label=label, type=kind)
    outer = file.message_type.add(name=f"PlantedRequest{label}{kind}")
    below = outer.field.add(name="below", number=1, label=FieldDescriptor.LABEL_REPEATED, type=11)
    below.type_name = f".planted.{inner.name}"
    below.options.Extensions[policy_pb2.bounds].max_items = 10
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(descriptor_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(policy_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return pool.FindMessageTypeByName(f"planted.{outer.name}")
