"""The checks that a prompt has to pass before it may be handed out; all by code, none repairs anything."""

import re
from collections.abc import Iterator

from generation_service.lint.rules import lint
from generation_service.lint.values import Finding
from generation_service.text.language import Language, foreign_share
from generation_service.text.tokens import estimate_tokens
from generation_service.text.variables import extract
from generation_service.writing.blocks import agent_block
from generation_service.writing.tracing import trace
from generation_service.writing.values import GateViolation, WriteRequest

MOST_FOREIGN_SHARE = 0.4
"""Share of the other language in the running text at which a prompt no longer counts as written in its own."""

_NOT_PROSE = re.compile(
    r"(?P<fence>`{3,40}+|~{3,40}+)[^\n]{0,200}\n.*?(?:(?P=fence)|\Z)|`[^`\n]*`|\{\{[^{}\n]*\}\}|</?[A-Za-z_][^<>\n]{0,80}>"
    r"|“[^“”\n]*”|\"[^\"\n]*\"|https?://\S+",
    re.DOTALL,
)


def check(request: WriteRequest, content: str) -> tuple[GateViolation, ...]:
    """Name every reason why this text must not be handed out as what the request ordered; none means it may be."""
    return (
        *_language(request.language, content),
        *_size(request.max_tokens, content),
        *_contract(content),
        *_trace(request, content),
        *_lint(request, content),
    )


def _language(language: Language, content: str) -> Iterator[GateViolation]:
    share = foreign_share(_NOT_PROSE.sub(" ", content), language)
    # English has no use for a Chinese sentence; Chinese technical prose is full of English terms.
    limit = MOST_FOREIGN_SHARE if language == "zh" else MOST_FOREIGN_SHARE / 2
    if share > limit:
        name = "Chinese" if language == "zh" else "English"
        yield GateViolation(
            "language", f"The prompt is not written in {name}.", f"foreign share {share:.2f} > {limit:.2f}"
        )


def _size(max_tokens: int | None, content: str) -> Iterator[GateViolation]:
    estimate = estimate_tokens(content)
    if max_tokens is not None and estimate > max_tokens:
        yield GateViolation(
            "size",
            f"The prompt needs about {estimate} tokens, {max_tokens} are allowed: raise max_tokens or ask for less.",
            f"{estimate} > {max_tokens}",
        )


def _contract(content: str) -> Iterator[GateViolation]:
    if not extract(content):
        detail = ", ".join(each.name for each in agent_block("general", "en").inputs)
        yield GateViolation("contract", "The prompt has no variable that takes the user's input.", f"such as {detail}")


def _trace(request: WriteRequest, content: str) -> Iterator[GateViolation]:
    musts = tuple(each for each in request.parsed.requirements if each.priority == "must" and not each.inferred)
    by_id = {each.id: each for each in musts}
    for entry in trace(musts, content, request.language):
        if not entry.covered:
            requirement = by_id[entry.requirement_id]
            yield GateViolation(
                "trace",
                f"The requirement {requirement.id} is not covered.",
                f"{requirement.id}: {requirement.text[:200]}",
            )


def _lint(request: WriteRequest, content: str) -> Iterator[GateViolation]:
    findings = lint(content, request.language, None, request.max_tokens)
    for finding in findings:
        if finding.severity == "error" and finding.rule != "over-token-limit":
            yield _violation(finding)


def _violation(finding: Finding) -> GateViolation:
    code = "secret" if finding.rule == "secret" else "lint"
    # The place, never the text: a violation is stored and shown, a secret must not travel with it.
    return GateViolation(code, finding.message, f"{finding.rule} at {finding.start}–{finding.end}")
