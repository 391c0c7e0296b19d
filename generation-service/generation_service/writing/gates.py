"""The checks that a prompt has to pass before it may be handed out; all by code, none repairs anything."""

import re
from collections.abc import Iterator

from generation_service.lint.domain import Finding
from generation_service.lint.rules import lint
from generation_service.lint.tokens import estimate_tokens
from generation_service.requirements.domain import Language
from generation_service.writing.blocks import agent_block
from generation_service.writing.domain import GateViolation, WriteRequest
from generation_service.writing.tracing import trace
from generation_service.writing.variables import extract

MOST_FOREIGN_SHARE = 0.4
"""Share of the other language in the running text at which a prompt no longer counts as written in its own."""

_NOT_PROSE = re.compile(
    r"(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:(?P=fence)|\Z)|`[^`\n]*`|\{\{[^{}\n]*\}\}|</?[A-Za-z_][^<>\n]{0,80}>"
    r"|“[^”\n]*”|\"[^\"\n]*\"|https?://\S+",
    re.DOTALL,
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[A-Za-zÀ-ɏ]{2,}")
_CHARS_PER_WORD = 1.6  # a Chinese word has 1.6 characters on average, so that both sides count words


def check(request: WriteRequest, content: str) -> tuple[GateViolation, ...]:
    """Name every reason why this text must not be handed out as what the request ordered; none means it may be."""
    return (
        *_language(request.language, content),
        *_size(request.max_tokens, content),
        *_contract(content),
        *_trace(request, content),
        *_lint(request, content),
    )


def foreign_share(content: str, language: Language) -> float:
    """The share of words in the other language, without code, tags, quotations and variables; 0 to 1."""
    prose = _NOT_PROSE.sub(" ", content)
    han = len(_HAN.findall(prose)) / _CHARS_PER_WORD
    latin = len(_WORD.findall(prose))
    if not han + latin:
        return 0.0
    return (latin if language == "zh" else han) / (han + latin)


def _language(language: Language, content: str) -> Iterator[GateViolation]:
    share = foreign_share(content, language)
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
            wish = by_id[entry.requirement_id]
            yield GateViolation("trace", f"The requirement {wish.id} is not covered.", f"{wish.id}: {wish.text[:200]}")


def _lint(request: WriteRequest, content: str) -> Iterator[GateViolation]:
    findings = lint(content, request.language, None, request.max_tokens)
    for finding in findings:
        if finding.severity == "error" and finding.rule != "over-token-limit":
            yield _violation(finding)


def _violation(finding: Finding) -> GateViolation:
    code = "secret" if finding.rule == "secret" else "lint"
    # The place, never the text: a violation is stored and shown, a secret must not travel with it.
    return GateViolation(code, finding.message, f"{finding.rule} at {finding.start}–{finding.end}")
