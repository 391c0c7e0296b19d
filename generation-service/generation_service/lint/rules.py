"""Lint: deterministic advice on a prompt, without a model. The table says every rule and how bad it is.

What makes each rule strike, exactly, stands in the docstring of the module that holds it: `structure`,
`parts`, `placeholders`, `wording`, `contradictions`, `examples`, `safety`. A composer that wants to lint
clean needs: a role, a task, an output format, rules with at least one positive one, a fallback; variables
that carry text inside tags; no vague words.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from servicekit.errors import InvalidArgument, Violation
from servicekit.workers import steps

from generation_service.lint.checks.contradictions import contradiction_pair
from generation_service.lint.checks.examples import example_contract_mismatch
from generation_service.lint.checks.parts import no_constraints, no_fallback, no_output_format, no_role, no_task
from generation_service.lint.checks.placeholders import (
    leftover_placeholder,
    mixed_placeholder_syntax,
    ref_unresolved,
    undelimited_input,
    var_malformed,
    var_undefined,
    var_unused,
)
from generation_service.lint.checks.safety import pii, secret
from generation_service.lint.checks.structure import (
    empty,
    heading_skip,
    language_mismatch,
    over_token_limit,
    too_long,
    too_short,
    unclosed_tag,
)
from generation_service.lint.checks.wording import duplicate_rule, negative_only, vague_word
from generation_service.lint.values import MAX_CONTENT_BYTES, Expectations, Finding, Hit, Rule, RuleName
from generation_service.text.data_tables import bilingual_texts
from generation_service.text.document import Document, read
from generation_service.text.language import Language

MOST_FINDINGS_PER_RULE = 50
"""A hostile text would else bring a finding for every other character."""

RULES: tuple[Rule, ...] = (
    Rule(RuleName.EMPTY, "error", empty),
    Rule(RuleName.TOO_SHORT, "warning", too_short),
    Rule(RuleName.TOO_LONG, "warning", too_long),
    Rule(RuleName.OVER_TOKEN_LIMIT, "error", over_token_limit),
    Rule(RuleName.SECRET, "error", secret),
    Rule(RuleName.PII, "warning", pii),
    Rule(RuleName.VAR_MALFORMED, "error", var_malformed),
    Rule(RuleName.VAR_UNDEFINED, "error", var_undefined),
    Rule(RuleName.VAR_UNUSED, "warning", var_unused),
    Rule(RuleName.MIXED_PLACEHOLDER_SYNTAX, "warning", mixed_placeholder_syntax),
    Rule(RuleName.REF_UNRESOLVED, "error", ref_unresolved),
    Rule(RuleName.LEFTOVER_PLACEHOLDER, "error", leftover_placeholder),
    Rule(RuleName.UNCLOSED_TAG, "warning", unclosed_tag),
    Rule(RuleName.NO_ROLE, "warning", no_role),
    Rule(RuleName.NO_TASK, "warning", no_task),
    Rule(RuleName.NO_OUTPUT_FORMAT, "warning", no_output_format),
    Rule(RuleName.NO_CONSTRAINTS, "warning", no_constraints),
    Rule(RuleName.NO_FALLBACK, "warning", no_fallback),
    Rule(RuleName.CONTRADICTION_PAIR, "warning", contradiction_pair),
    Rule(RuleName.EXAMPLE_CONTRACT_MISMATCH, "warning", example_contract_mismatch),
    Rule(RuleName.UNDELIMITED_INPUT, "warning", undelimited_input),
    Rule(RuleName.LANGUAGE_MISMATCH, "warning", language_mismatch),
    Rule(RuleName.VAGUE_WORD, "warning", vague_word),
    Rule(RuleName.DUPLICATE_RULE, "info", duplicate_rule),
    Rule(RuleName.NEGATIVE_ONLY, "info", negative_only),
    Rule(RuleName.HEADING_SKIP, "info", heading_skip),
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


def lint(
    content: str,
    language: Language | None = None,
    declared_variables: Collection[str] | None = None,
    token_limit: int | None = None,
    known_references: Collection[str] | None = None,
) -> tuple[Finding, ...]:
    """Everything that should be mended in a prompt; the same text gives the same findings.

    Args:
        content: the prompt; offsets of the findings count code points of its NFC form.
        language: the language that the prompt should be in, and of the messages; None: the language it is in.
        declared_variables: names of the declared variables; None: nothing is said about undeclared or unused
            ones.
        token_limit: most tokens that the prompt may have, estimated; None: no limit.
        known_references: the `name@label` and `name@v3` that exist; None: only the form of references is
            checked.

    Returns:
        The findings in the order of their place in the text, at most 50 of each rule.
    """
    expectations = Expectations(language, declared_variables, token_limit, known_references)
    return findings_of(read(content), expectations)


def findings_of(document: Document, expectations: Expectations) -> tuple[Finding, ...]:
    """The findings of every rule about a prompt that is read already."""
    language = expectations.language or document.language
    if not document.text.strip():
        return tuple(_finding(RULES[0], hit, language) for hit in RULES[0].check(document, expectations))
    found = [_finding(rule, hit, language) for rule in RULES for hit in _hits(rule, document, expectations)]
    return tuple(sorted(found, key=lambda finding: (finding.start, finding.end)))


def _hits(rule: Rule, document: Document, expectations: Expectations) -> Iterator[Hit]:
    steps.enter(rule.name.value)
    return islice(rule.check(document, expectations), MOST_FINDINGS_PER_RULE)


def messages() -> Mapping[str, Mapping[Language, str]]:
    """What each rule tells the author, by name and variant."""
    return bilingual_texts("generation_service.lint", "messages.toml")


def _finding(rule: Rule, hit: Hit, language: Language) -> Finding:
    key = f"{rule.name}.{hit.variant}" if hit.variant else rule.name.value
    message = messages()[key][language].format_map(hit.values)
    return Finding(rule.name.value, rule.severity, message, hit.start, hit.end)
