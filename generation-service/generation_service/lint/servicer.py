"""Lint on the wire."""

import asyncio
from typing import Any, cast

import grpc
from promptsphere.generation.v1 import lint_pb2, lint_pb2_grpc
from servicekit.errors import InvalidArgument, Violation

from generation_service.lint.domain import MAX_CONTENT_BYTES
from generation_service.lint.rules import lint
from generation_service.requirements.domain import Language


class LintServicer(lint_pb2_grpc.LintServiceServicer):
    """Serves `LintService`."""

    async def LintContent(  # noqa: N802 - the contract's name
        self, request: lint_pb2.LintContentRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> lint_pb2.LintContentResponse:
        """What a careful reader would mark in a text."""
        del context
        content = checked_content(request.content, pointer="/content")
        if request.language not in {"", "zh", "en"}:
            message = "must be zh or en"
            raise InvalidArgument(f"language {message}.", violations=[Violation("/language", message)])
        # A long text takes longer than the loop may be kept from its other work.
        findings = await asyncio.to_thread(lint, content, cast("Language | None", request.language or None))
        return lint_pb2.LintContentResponse(
            findings=[
                lint_pb2.Finding(
                    rule=one.rule, severity=one.severity, message=one.message, start=one.start, end=one.end
                )
                for one in findings
            ]
        )


def checked_content(content: str, *, pointer: str) -> str:
    """The content, when it is not longer than a version may be.

    Raises:
        InvalidArgument: it is.
    """
    if len(content.encode()) > MAX_CONTENT_BYTES:
        message = f"must have at most {MAX_CONTENT_BYTES} bytes in UTF-8"
        raise InvalidArgument(f"The content {message}.", violations=[Violation(pointer, message)])
    return content
