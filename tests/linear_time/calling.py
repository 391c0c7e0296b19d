"""How each public function that takes a text is called with one: by rule, by what stands here, or why it is not."""

import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from api_gateway.edge.etags import if_match, is_not_modified
from auth_service.users.rules import check_new
from generation_service.dashscope.failures import AttemptFailed
from generation_service.dashscope.wire.choices import unsaid
from generation_service.dashscope.wire.errors import refusal
from generation_service.dashscope.wire.sse import MalformedStream, SseParser
from generation_service.dashscope.wire.structured import repair_messages
from generation_service.instructions.leaks import LeakGuard, load_instructions
from generation_service.lint.checks.placeholders import enclosed_spans, is_delimited
from generation_service.lint.values import Expectations
from generation_service.peqa.caps import caps_of
from generation_service.peqa.rubric import CHECKS
from generation_service.peqa.rules import assess
from generation_service.peqa.values import Outcome, Verdict
from generation_service.peqa.values import Subject as Assessed
from generation_service.requirements.agents import detect_agent_type
from generation_service.requirements.concepts import find_concepts
from generation_service.requirements.form import build_form
from generation_service.requirements.rule_parser.clauses import split_clauses
from generation_service.requirements.rule_parser.parser import parse
from generation_service.requirements.unknowns import find_unknowns
from generation_service.requirements.values import MAX_DESCRIPTION_CHARS, Requirement, RequirementKind
from generation_service.text.document import Document, read
from generation_service.text.parts_vocabulary import Part
from generation_service.text.sections import Section, find_tags
from generation_service.text.sentences import DESCRIPTION_ENDS
from generation_service.writing.assembly import finish
from generation_service.writing.gates import check
from generation_service.writing.model_writer.unwrapping import Unwrapper
from generation_service.writing.phrasing import fill
from generation_service.writing.rule_writer.composer import compose
from generation_service.writing.rule_writer.stated import gather
from generation_service.writing.tracing import covers, trace
from generation_service.writing.values import WriteRequest
from prompt_service.rendering.rules import render, render_json
from prompt_service.rendering.variables import Variable
from servicekit.db.paging import CursorSigner, ListScope
from servicekit.errors import SphereError
from starlette.requests import Request

from linear_time.timing import MAX_CHARS
from linear_time.walking import functions, hints_of

Work: TypeAlias = Callable[[str], object]

_KEY = Requirement("R1", RequirementKind.CONSTRAINT, "不超过 200 字", "不超过 200 字", "must", inferred=False)
_BY_NAME: dict[str, Callable[[str], object]] = {
    "_": lambda _: Expectations(),
    "expectations": lambda _: Expectations(None, frozenset({"a"}), 100, frozenset()),
    "pointer": lambda _: "/text",
    "language": lambda _: "zh",
    "end": len,
    "start": lambda _: 0,
    "max_chars": lambda _: 200,
    "violations": lambda _: [],
    "ends": lambda _: DESCRIPTION_ENDS,
    "part": lambda _: Part.OUTPUT,
    "tags": find_tags,
    "spans": lambda text: [(at, at + 1) for at in range(0, len(text), 3)],
    "clauses": split_clauses,
    "matches": lambda text: find_concepts(text[:MAX_DESCRIPTION_CHARS]),
    "label": lambda text: text[:24],
    "section": lambda text: Section("", 1, 0, 0, len(text), frozenset()),
    "agent_is_known": lambda _: False,
    "only_injection": lambda _: False,
    "is_cut": lambda _: False,
    "schema": lambda _: {"type": "object"},
    "model": lambda _: "qwen",
    "span": lambda text: (0, len(text)),
}
"""Further arguments, by their name, as they would come with the text."""

_NO_TEXT = (
    "servicekit.audit.",
    "servicekit.log.",
    "servicekit.migrations.",
    "servicekit.service.",
    "servicekit.workers.",
    "api_gateway.openapi.",
    "servicekit.telemetry.",
    "servicekit.rpc.probe.",
    "servicekit.rpc.policy.",
    "servicekit.rpc.server.",
    "servicekit.db.connections.",
    "servicekit.db.faults.",
    "servicekit.auth.live_sessions.",
    "servicekit.auth.tokens.",
    "servicekit.errors.",
    "api_gateway.routes.responses.",
    "api_gateway.routes.shapes.",
    "api_gateway.problems.rendering.document",
    "api_gateway.routes.generation.wire.",
    "auth_service.sessions.families.",
    "auth_service.sessions.rules.",
    "auth_service.sessions.refresh_tokens.make",
    "auth_service.sessions.wire.",
    "auth_service.keys.sealing.",
    "generation_service.text.data_tables.",
    "generation_service.writing.blocks.",
    "generation_service.dashscope.failures.",
    "generation_service.dashscope.policy.",
    "generation_service.execution.",
    "generation_service.runs.wire.",
    "generation_service.instructions.",
    "generation_service.requirements.agents.agent_type_of",
    "generation_service.text.phrases.",
    "generation_service.requirements.rules.",
    "generation_service.dashscope.wire.structured.response_format",
    "generation_service.writing.rule_writer.composer.block_for",
    "prompt_service.authors.",
)
"""What is called with words of ours or with ids only: table keys, names of services, addresses from settings."""

_SHORT = {
    "generation_service.requirements": MAX_DESCRIPTION_CHARS,
    "generation_service.writing.rule_writer": MAX_DESCRIPTION_CHARS,
    "generation_service.writing.phrasing": MAX_DESCRIPTION_CHARS,
    "auth_service": 64 * 1024,
}
"""Longest text by package, where the edge lets through less than 256 KiB."""


def text_functions() -> tuple[dict[str, Work], list[str]]:
    """How to call each function that takes a text, and those that nobody knows how to call."""
    known = dict(_REGISTRY)
    unknown: list[str] = []
    for name, function in functions():
        if name in known or name.startswith(_NO_TEXT):
            continue
        demanded = [
            each for each in inspect.signature(function).parameters.values() if each.default is inspect.Parameter.empty
        ]
        hints = hints_of(function)
        read_as = [_AS.get(hints.get(each.name, object)) for each in demanded]
        if not any(read_as):
            continue
        if read_as[0] is not None and all(each.name in _BY_NAME for each in demanded[1:]):
            known[name] = _work(inspect.unwrap(function), read_as[0], demanded)
        else:
            unknown.append(name)
    return known, unknown


def max_chars_of(name: str) -> int:
    """Longest text that a function is given."""
    return next((chars for prefix, chars in _SHORT.items() if name.startswith(prefix)), MAX_CHARS)


def _assessed(text: str) -> Assessed:
    document = read(text)
    return Assessed(document, document.language, None, (_KEY,), (), (), None)


_AS: dict[object, Callable[[str], object]] = {
    str: lambda text: text,
    bytes: lambda text: text.encode(),
    Document: read,
    Assessed: _assessed,
}


def _work(function: Callable[..., object], read_as: Callable[[str], object], demanded: list[inspect.Parameter]) -> Work:
    def work(text: str) -> object:
        further = [each for each in demanded[1:] if each.kind is not inspect.Parameter.KEYWORD_ONLY]
        named = {each.name: _BY_NAME[each.name](text) for each in demanded[1:] if each not in further}
        with suppress(SphereError, ValueError, AttemptFailed, MalformedStream):  # a refusal is an answer
            found = function(read_as(text), *(_BY_NAME[each.name](text) for each in further), **named)
            return list(found) if inspect.isgenerator(found) else found
        return None

    return work


def _requirements(text: str) -> tuple[Requirement, ...]:
    """One demand of each kind that says the text, as a model might give them."""
    text = text[:MAX_DESCRIPTION_CHARS]
    return tuple(
        Requirement(f"R{number}", kind, text, text, "must", inferred=False)
        for number, kind in enumerate(RequirementKind)
    )


def _request(text: str) -> WriteRequest:
    return WriteRequest(parse(text[:MAX_DESCRIPTION_CHARS]), {}, "markdown", "zh", None)


def _order() -> WriteRequest:
    return WriteRequest(parse("写一个客服智能体，语气友好，不超过 200 字"), {}, "markdown", "zh", None)


def _delimited(text: str) -> None:
    document = read(text)
    enclosed = enclosed_spans(document)
    for each in document.placeholders:
        is_delimited(document, each, enclosed)


def _streamed(text: str) -> None:
    """An answer as it comes, in pieces of some characters, through what watches and trims it."""
    guard, unwrapper = LeakGuard(load_instructions("write")), Unwrapper()
    for at in range(0, len(text), 64):
        list(unwrapper.feed(guard.feed(text[at : at + 64])))
    list(unwrapper.feed(guard.finish()))
    list(unwrapper.finish())


def _frames(text: str) -> None:
    parser = SseParser()
    raw = text.encode()
    with suppress(MalformedStream):
        for at in range(0, len(raw), 64):
            list(parser.feed(raw[at : at + 64]))
        parser.finish()


def _cursor(text: str) -> None:
    with suppress(SphereError):
        CursorSigner(b"0123456789abcdef").open(ListScope("prompts", "w"), text)


def _rendered(text: str) -> None:
    with suppress(SphereError):
        render(text, (Variable("a"),), {"a": "b"})
        render("{{a}}", (Variable("a"),), {"a": text})


def _rendered_json(text: str) -> None:
    with suppress(SphereError):
        render_json(text, (Variable("a"),), '{"a": "b"}')
        render_json("{{a}}", (Variable("a"),), text)


def _conditional(text: str) -> None:
    headers = [(b"if-none-match", text.encode()), (b"if-match", text.encode()), (b"idempotency-key", text.encode())]
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": headers, "query_string": b""})
    for asks in (if_match, lambda it: is_not_modified(it, '"1"')):
        with suppress(SphereError):
            asks(request)


def _person(text: str) -> None:
    check_new(email=text, display_name=text, locale=text)


_VERDICTS = {each.id: Outcome(Verdict.NOT) for each in CHECKS}
_REGISTRY: dict[str, Work] = {
    "api_gateway.edge.etags.is_not_modified": _conditional,
    "api_gateway.edge.idempotency.idempotency": _conditional,
    "auth_service.users.rules.check_new": _person,
    "generation_service.dashscope.wire.errors.refusal": lambda text: refusal(
        text.encode(), status=400, retry_after_seconds=None, request_id=None, model="qwen"
    ),
    "generation_service.dashscope.wire.structured.repair_messages": lambda text: repair_messages((), text, (text,)),
    "generation_service.dashscope.wire.choices.unsaid": lambda text: unsaid(text, text[:-1], is_whole=True),
    "generation_service.requirements.agents.detect_agent_type": lambda text: detect_agent_type(text, text),
    "generation_service.writing.phrasing.fill": lambda text: (fill("{a}{b}", a=text), fill(text, a="b")),
    "generation_service.writing.rule_writer.stated.gather": lambda text: gather(_requirements(text), "general", "zh"),
    "generation_service.dashscope.wire.sse.SseParser": _frames,
    "generation_service.writing.model_writer.unwrapping.Unwrapper": _streamed,
    "generation_service.lint.checks.placeholders.is_delimited": _delimited,
    "generation_service.peqa.caps.caps_of": lambda text: caps_of(_assessed(text), _VERDICTS),
    "generation_service.peqa.rules.assess": lambda text: assess(text, requirements=(_KEY,)),
    "generation_service.requirements.form.build_form": lambda text: build_form(parse(text)),
    "generation_service.requirements.unknowns.find_unknowns": lambda text: find_unknowns("general", (), text, "zh"),
    "generation_service.writing.assembly.finish": lambda text: finish(_order(), text),
    "generation_service.writing.gates.check": lambda text: check(_order(), text),
    "generation_service.writing.rule_writer.composer.compose": lambda text: compose(_request(text)),
    "generation_service.writing.tracing.covers": lambda text: covers(_KEY, text, "zh"),
    "generation_service.writing.tracing.trace": lambda text: trace((_KEY, *_requirements(text)), text, "zh"),
    "prompt_service.rendering.rules.render": _rendered,
    "prompt_service.rendering.rules.render_json": _rendered_json,
    "servicekit.db.paging.CursorSigner.open": _cursor,
}
"""What needs more than a rule knows: several arguments made of the text, or a stream of it."""
