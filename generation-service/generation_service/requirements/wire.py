"""Requirements from values to messages."""

import orjson
from promptsphere.generation.v1 import requirements_pb2, runs_pb2
from servicekit.rpc.timestamps import to_wire

from generation_service.requirements.rules import RequirementSet
from generation_service.requirements.values import Form, Requirement


def requirement_to_wire(understood: RequirementSet, usage: runs_pb2.Usage) -> requirements_pb2.Requirement:
    """What was understood of a description, and what that has cost."""
    parsed = understood.parsed
    return requirements_pb2.Requirement(
        id=understood.id,
        description=parsed.description,
        language=parsed.language,
        input_class=parsed.input_class.value,
        requirements=[_item(one) for one in parsed.requirements],
        unknowns=[
            requirements_pb2.Unknown(id=one.id, question=one.question, why=one.why, impact=one.impact)
            for one in parsed.unknowns
        ],
        form=_form(understood.form),
        engine=understood.engine,
        usage=usage,
        created_at=to_wire(understood.created_at),
    )


def _item(requirement: Requirement) -> requirements_pb2.RequirementItem:
    return requirements_pb2.RequirementItem(
        id=requirement.id,
        kind=requirement.kind.value,
        text=requirement.text,
        source_quote=requirement.source_quote or "",
        priority=requirement.priority,
        inferred=requirement.inferred,
    )


def _form(form: Form) -> requirements_pb2.Form:
    return requirements_pb2.Form(
        schema_json=orjson.dumps(form.schema).decode(),
        ui_json=orjson.dumps(form.ui).decode(),
        prefill_json=orjson.dumps(form.prefill).decode(),
        fallback=form.fallback,
    )
