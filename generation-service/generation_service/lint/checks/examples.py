"""Rule `example-contract-mismatch` (warning): an example that breaks the output contract which the prompt
states.

The contract is JSON when a section of output, or a sentence with an output verb, says JSON with no
alternative, or when the output section holds a fenced JSON object; its keys are the top-level keys of that
object. An example's output is what stands in a region of examples after a label of output ("输出：",
"Output:", "回答：", "Assistant:") or in `<output>` and the like, else any JSON object there that shares a key
with the contract. It breaks the contract when it isn't JSON, or when its keys aren't the contract's (keys
marked optional — "可选", "optional" — may be missing).
"""

import re
from collections.abc import Iterator
from itertools import islice, pairwise

from generation_service.lint.checks.json_text import object_end, top_level_keys
from generation_service.lint.checks.parts import sections_of
from generation_service.lint.values import Expectations, Hit
from generation_service.text.document import Document
from generation_service.text.parts_vocabulary import Part

_SAYS_JSON = re.compile(
    r"(?:输出|返回|回复|回答|格式|以|用|只|仅)[^。\n]{0,30}JSON|JSON[^。\n]{0,12}(?:格式|对象|输出|返回)"
    r"|\b(?:output|return|respond|reply|answer|produce|write|format)\w*\b[^.\n]{0,60}\bJSON\b"
    r"|\bJSON (?:object|only|format)\b",
    re.IGNORECASE,
)
_ALTERNATIVES = re.compile(
    r"或|也可|可以是|如果|若|不要|\b(?:or|if|unless|optionally|not|don't|never)\b", re.IGNORECASE
)
_OUTPUT_LABEL = re.compile(
    r"^[ \t]*(?:[-*•][ \t]+)?(?:\*\*)?(?:输出|回答|回复|答|助手|模型|期望输出|示例输出|输出示例|assistant"
    r"|output|response|answer|expected output|ai|bot)"
    r"[ \t]*\d{0,2}(?:\*\*)?[ \t]*[:：](?:\*\*)?|<(?:output|answer|response|assistant|输出|回答)>",
    re.IGNORECASE | re.MULTILINE,
)
_OPENING = re.compile(r"\s*(?:(?:```|~~~)[^\n]{0,200}\n\s*)?")
_MOST_SECTIONS = 10
_OPTIONAL = re.compile(r"可选|optional|如有|if any", re.IGNORECASE)


def example_contract_mismatch(document: Document, _: Expectations) -> Iterator[Hit]:
    """An example shows another output than the contract asks for."""
    if not document.examples:
        return
    keys, optional = contract_keys(document)
    if not keys and not demands_json(document):
        return
    for start, end in document.examples:
        yield from _broken_in(document.text, start, end, keys, optional)


def demands_json(document: Document) -> bool:
    """True when the answer must be JSON."""
    return any(
        _SAYS_JSON.search(sentence.text) and not _ALTERNATIVES.search(sentence.text) for sentence in document.sentences
    )


def contract_keys(document: Document) -> tuple[frozenset[str], frozenset[str]]:
    """The top-level keys of the JSON object in the output section, and those of them that may be missing."""
    for start, end in islice(sections_of(document, Part.OUTPUT), _MOST_SECTIONS):
        brace = document.text.find("{", start, end)
        while brace >= 0 and (document.text.startswith("{{", brace) or document.is_example(brace)):
            brace = document.text.find("{", brace + 2, end)
        if brace < 0:
            continue
        keys = top_level_keys(document.text, brace, end)
        if keys:
            closing = object_end(document.text, brace, end)
            lines = document.text[brace:closing].split("\n")
            loose = {key for key in keys for line in lines if f'"{key}"' in line and _OPTIONAL.search(line)}
            return frozenset(keys), frozenset(loose)
    return frozenset(), frozenset()


def _broken_in(text: str, start: int, end: int, keys: frozenset[str], optional: frozenset[str]) -> Iterator[Hit]:
    labelled = [match.end() for match in _OUTPUT_LABEL.finditer(text, start, end)]
    for position, limit in pairwise([*labelled, end]):
        opening = _OPENING.match(text, position, limit)
        begin = opening.end() if opening else position
        if begin >= limit:
            continue
        if text[begin] not in "{[" or text.startswith("{{", begin):
            yield Hit(begin, _line_end(text, begin, limit), variant="not_json")
        elif keys:
            yield from _key_mismatch(text, begin, limit, keys, optional)
    if not labelled and keys:
        for begin in _objects(text, start, end):
            if keys & set(top_level_keys(text, begin, end)):
                yield from _key_mismatch(text, begin, end, keys, optional)


def _key_mismatch(text: str, begin: int, end: int, keys: frozenset[str], optional: frozenset[str]) -> Iterator[Hit]:
    found = set(top_level_keys(text, begin, end))
    missing, extra = sorted(keys - optional - found), sorted(found - keys)
    if missing or extra:
        values = {"missing": ", ".join(missing) or "–", "extra": ", ".join(extra) or "–"}
        yield Hit(begin, object_end(text, begin, end), values=values)


def _objects(text: str, start: int, end: int) -> Iterator[int]:
    """Where the outermost JSON objects between the offsets begin."""
    position = text.find("{", start, end)
    while position >= 0:
        if text.startswith("{{", position):
            position = text.find("{", position + 2, end)
            continue
        yield position
        position = text.find("{", object_end(text, position, end), end)


def _line_end(text: str, start: int, end: int) -> int:
    line_end = text.find("\n", start, end)
    return end if line_end < 0 else line_end
