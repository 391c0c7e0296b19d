"""Labels and their history as they travel."""

from promptsphere.prompt.v1 import labels_pb2
from servicekit.rpc import timestamps

from prompt_service.labels.models import Label, LabelEvent
from prompt_service.versions.wire import author_to_wire


def label_to_wire(label: Label) -> labels_pb2.Label:
    """A label as it travels."""
    return labels_pb2.Label(
        label=label.label,
        version=label.version,
        updated_by=author_to_wire(label.updated_by),
        updated_at=timestamps.to_wire(label.updated_at),
        row_version=label.row_version,
    )


def event_to_wire(event: LabelEvent) -> labels_pb2.LabelEvent:
    """A move of a label as it travels."""
    return labels_pb2.LabelEvent(
        id=event.id,
        action=event.action,
        from_version=event.from_version,
        to_version=event.to_version,
        actor=author_to_wire(event.actor),
        reason=event.reason,
        created_at=timestamps.to_wire(event.created_at),
    )
