"""Checks of clarity, and those of specificity and effectiveness that look at wording: C2, C3, C5, C6, S2, E3.

Verdicts of each:

- C2: not when lint finds a contradiction pair; not applicable to fewer than two sentences.
- C3: partly with one or two vague words, not with more.
- C5: not with an unclosed tag or fence, partly with a skipped heading level; not applicable without headings,
  tags, labels or fences.
- C6: not when the language isn't the one asked for, partly when whole lines are in another.
- S2: met when an instruction has a number with a unit or a closed list of choices; not when it asks for a
  size in words only ("简短", "brief"), or has neither rules nor an output contract to hold one; partly when
  it does neither; not applicable when the answer is JSON.
- E3: partly with one repeated rule, not with more; not applicable to fewer than two sentences.
"""

from generation_service.lint.checks.contradictions import contradiction_pair
from generation_service.lint.checks.examples import demands_json
from generation_service.lint.checks.parts import evidence_of
from generation_service.lint.checks.structure import heading_skip, language_mismatch, unclosed_tag
from generation_service.lint.checks.wording import duplicate_rule, vague_word
from generation_service.lint.values import Check, Expectations, Hit
from generation_service.peqa.values import Outcome, Subject, Verdict
from generation_service.text.parts_vocabulary import Part
from generation_service.text.phrases import phrase

_FEW = 2
_MEASURED = phrase(
    r"(?<!\d)\d{1,7}\s{0,3}(?:个|名|位)?(?:字|词|句|段|行|条|项|步|次|分钟|小时|天|秒|轮|题|道|点|种|元|岁"
    r"|年|%|％|部分|列|级|档)"
    r"|[一二两三四五六七八九十]{1,3}(?:个|句|段|行|条|项|步|次|轮|道|种|部分)(?:话|以内|之内)?"
    r"|\b(?:\d{1,7}|one|two|three|four|five|six|seven|eight|nine"
    r"|ten) (?:to \d{1,4} )?(?:\w{1,20} )?(?:words?|sentences?|lines?|bullets?|items?|steps?|paragraphs?"
    r"|characters?"
    r"|minutes?|hours?|days?|questions?|points?|sections?|options?|examples?|times)\b"
    r"|(?:之一|以下之一)|\bexactly one\b|\bone of\b|\b(?:at most|at least|up to|no more than|under) \d"
)
_SIZE_IN_WORDS = phrase(
    r"简短|简洁|精炼|简练|简明|详细|详尽|篇幅适中|长度适中|不要太长|不要过长|及时|迅速|尽快"
    r"|\b(?:short|brief|briefly|concise|concisely|succinct|detailed|comprehensive|not too long|quickly"
    r"|promptly|soon)\b"
)
_NOTHING = Expectations()


def contradictions(subject: Subject) -> Outcome:
    """C2: no contradicting rules."""
    found = _hits(subject, contradiction_pair)
    if not found:
        return Outcome(_met_if_several(subject))
    return Outcome(Verdict.NOT, (found[0].start, found[0].end), values=found[0].values)


def vague_words(subject: Subject) -> Outcome:
    """C3: no vague words."""
    found = _hits(subject, vague_word)
    if not found:
        return Outcome(Verdict.MET)
    verdict = Verdict.PARTLY if len(found) <= _FEW else Verdict.NOT
    span = found[0].start, found[0].end
    return Outcome(verdict, span, values={"word": quote(subject, span), "count": len(found)})


def closed_structure(subject: Subject) -> Outcome:
    """C5: readable order, tags and fences closed."""
    found = _hits(subject, unclosed_tag)
    if found:
        span = found[0].start, found[0].end
        return Outcome(Verdict.NOT, span, values={"text": quote(subject, span)})
    skipped = _hits(subject, heading_skip)
    if skipped:
        span = skipped[0].start, skipped[0].end
        values = {**skipped[0].values, "text": quote(subject, span).lstrip("# ")}
        return Outcome(Verdict.PARTLY, span, "heading", values)
    has_structure = bool(subject.document.sections or subject.document.tags)
    return Outcome(Verdict.MET if has_structure else Verdict.NOT_APPLICABLE)


def one_language(subject: Subject) -> Outcome:
    """C6: language consistent."""
    for hit in language_mismatch(subject.document, Expectations(language=subject.wanted_language)):
        if hit.variant:
            span = hit.start, hit.end
            return Outcome(Verdict.PARTLY, span, "mixed", {"text": quote(subject, span)})
        return Outcome(Verdict.NOT, first_line(subject))
    return Outcome(Verdict.MET)


def measurable_limits(subject: Subject) -> Outcome:
    """S2: measurable limits where meant."""
    for sentence in subject.document.sentences:
        if _MEASURED.search(sentence.text):
            return Outcome(Verdict.MET, (sentence.start, sentence.start + len(sentence.text)))
    if demands_json(subject.document):
        return Outcome(Verdict.NOT_APPLICABLE)
    for sentence in subject.document.sentences:
        if match := _SIZE_IN_WORDS.search(sentence.text):
            span = sentence.start, sentence.start + len(sentence.text)
            return Outcome(Verdict.NOT, span, values={"text": match[0]})
    can_hold_one = any(evidence_of(subject.document, part) is not None for part in (Part.RULES, Part.OUTPUT))
    return Outcome(Verdict.PARTLY if can_hold_one else Verdict.NOT, variant="none")


def no_repetition(subject: Subject) -> Outcome:
    """E3: no redundant rules."""
    found = _hits(subject, duplicate_rule)
    if not found:
        return Outcome(_met_if_several(subject))
    span = found[0].start, found[0].end
    verdict = Verdict.PARTLY if len(found) == 1 else Verdict.NOT
    return Outcome(verdict, span, values={"text": quote(subject, span), "count": len(found)})


def quote(subject: Subject, span: tuple[int, int], most_chars: int = 60) -> str:
    """The beginning of a span on one line, for a message; never longer than `most_chars` code points."""
    text = subject.document.text[span[0] : span[1]].strip().split("\n", 1)[0].rstrip("\r")
    return text if len(text) <= most_chars else text[: most_chars - 1] + "…"


def first_line(subject: Subject) -> tuple[int, int] | None:
    """Where the first line with anything on it stands."""
    line = next((line for line in subject.document.lines if line.text.strip()), None)
    return None if line is None else (line.start, line.end)


def _met_if_several(subject: Subject) -> Verdict:
    """Rules can only agree or repeat each other when there are two."""
    return Verdict.MET if len(subject.document.sentences) > 1 else Verdict.NOT_APPLICABLE


def _hits(subject: Subject, check: Check) -> list[Hit]:
    return list(check(subject.document, _NOTHING))
