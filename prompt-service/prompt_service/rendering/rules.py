r"""Filling in variables: one pass over the text, and a value is never looked at again.

There are no expressions, filters or attributes and no template engine, so nothing in a text or a value can
run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from servicekit.errors import InvalidArgument, Violation
from servicekit.json_types import JsonValue

from prompt_service import strict_json
from prompt_service.rendering.bodies import MAX_BODY_BYTES, Body, Message
from prompt_service.rendering.placeholders import PLACEHOLDER, names_in_body
from prompt_service.rendering.values import UnfitValueError, text_of
from prompt_service.rendering.variables import Variable

MAX_VALUES_BYTES = 1024 * 1024
MAX_WARNINGS = 100
_SHOWN_NAME_CHARS = 64


@dataclass(frozen=True, slots=True)
class Rendered:
    """A filled body, and a sentence for each value that was given in vain."""

    body: Body
    warnings: tuple[str, ...]


def parse_values(variables_json: str) -> dict[str, JsonValue]:
    """Name → value, out of the JSON object that a caller sent; empty text means none.

    Raises:
        InvalidArgument: too large, or no JSON object.
    """
    if not variables_json:
        return {}
    problem = "Give a JSON object that maps names to values."
    if len(variables_json.encode("utf-8", "surrogatepass")) > MAX_VALUES_BYTES:
        problem = f"Give at most {MAX_VALUES_BYTES} bytes of values."
    else:
        try:
            values = strict_json.loads(variables_json)
        except ValueError as error:
            problem = f"This is not valid JSON: {error}."
        else:
            if isinstance(values, dict):
                return values
    raise InvalidArgument(problem, violations=[Violation("/variables", problem)])


def render_json(body: Body, variables: tuple[Variable, ...], variables_json: str) -> Rendered:
    """`render` with values as a caller sent them.

    Raises:
        InvalidArgument: what `parse_values` and `render` refuse.
    """
    return render(body, variables, parse_values(variables_json))


def render(body: Body, variables: tuple[Variable, ...], values: Mapping[str, JsonValue]) -> Rendered:
    r"""The body with its variables filled in and `\{{` made `{{`; references stay as they are.

    Raises:
        InvalidArgument: `missing_variables` with a violation for each required variable that has no value;
            else `invalid_request` for values that do not fit, or when the result would be over 256 KiB.
    """
    texts = _texts(variables, values)
    used = frozenset(names_in_body(body))
    if isinstance(body, str):
        filled: Body = _fill([body], texts)[0]
    else:
        contents = _fill([message.content for message in body], texts)
        filled = tuple(Message(message.role, content) for message, content in zip(body, contents, strict=True))
    return Rendered(filled, _warnings(variables, values, used))


def _texts(variables: tuple[Variable, ...], values: Mapping[str, JsonValue]) -> dict[bytes, bytes]:
    texts: dict[bytes, bytes] = {}
    missing: list[Violation] = []
    unfit: list[Violation] = []
    for variable in variables:
        pointer = f"/variables/{variable.name}"
        if variable.name in values:
            value = values[variable.name]
        elif variable.default_json:
            value = strict_json.loads(variable.default_json)
        elif variable.required:
            missing.append(Violation(pointer, "Give a value; this variable is required."))
            continue
        else:
            texts[variable.name.encode()] = b""
            continue
        try:
            texts[variable.name.encode()] = text_of(variable, value).encode()
        except UnfitValueError as error:
            unfit.append(Violation(pointer, str(error)))
    if missing:
        names = ", ".join(violation.pointer.removeprefix("/variables/") for violation in missing)
        raise InvalidArgument(
            f"These required variables have no value: {names}.",
            reason="missing_variables",
            metadata={"names": names},
            violations=[*missing, *unfit],
        )
    if unfit:
        raise InvalidArgument(f"{unfit[0].pointer}: {unfit[0].message}", violations=unfit)
    return texts


def _fill(contents: list[str], texts: Mapping[bytes, bytes]) -> list[str]:
    room = MAX_BODY_BYTES
    filled = []
    for content in contents:
        pieces = []
        # Counted while it grows: a small text that names a large value often must not fill the memory first.
        for piece in _pieces(content.encode(), texts):
            room -= len(piece)
            if room < 0:
                message = f"The rendered text would be larger than {MAX_BODY_BYTES} bytes; use shorter values."
                raise InvalidArgument(message, violations=[Violation("/variables", message)])
            pieces.append(piece)
        filled.append(b"".join(pieces).decode())
    return filled


def _pieces(content: bytes, texts: Mapping[bytes, bytes]) -> Iterator[bytes]:
    position = 0
    for match in PLACEHOLDER.finditer(content):
        yield content[position : match.start()]
        name = match[1]
        # A name that no variable has can only come from a text stored by other rules: it stays as it is.
        yield b"{{" if name is None else texts.get(name, match[0])
        position = match.end()
    yield content[position:]


def _warnings(
    variables: tuple[Variable, ...], values: Mapping[str, JsonValue], used: frozenset[str]
) -> tuple[str, ...]:
    declared = {variable.name for variable in variables}
    warnings: list[str] = []
    for name in values:
        if len(warnings) == MAX_WARNINGS:
            break
        shown = name[:_SHOWN_NAME_CHARS].encode("utf-8", "replace").decode()
        if name not in declared:
            warnings.append(f"The prompt has no variable {shown!r}; its value was not used.")
        elif name not in used:
            warnings.append(f"The text does not use the variable {shown!r}; its value was not used.")
    return tuple(warnings)
