"""Lint on the wire."""

from functools import partial
from typing import Any, cast

import grpc
from promptsphere.generation.v1 import lint_pb2, lint_pb2_grpc
from servicekit.errors import invalid_field
from servicekit.rpc.call import current_call
from servicekit.workers.pool import WorkerPool

from generation_service.lint.rules import checked_content, lint
from generation_service.text.language import Language


class LintServicer(lint_pb2_grpc.LintServiceServicer):
    """Serves `LintService`."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    async def LintContent(  # noqa: N802 - the contract's name
        self, request: lint_pb2.LintContentRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> lint_pb2.LintContentResponse:
        """What a careful reader would mark in a text."""
        del context
        content = checked_content(request.content, pointer="/content")
        if request.language not in {"", "zh", "en"}:
            raise invalid_field("/language", "must be zh or en")
        work = partial(lint, content, cast("Language | None", request.language or None))
        findings = await self._pool.run(work, tenant=current_call().actor.workspace_id)
        return lint_pb2.LintContentResponse(
            findings=[
                lint_pb2.Finding(
                    rule=one.rule, severity=one.severity, message=one.message, start=one.start, end=one.end
                )
                for one in findings
            ]
        )
