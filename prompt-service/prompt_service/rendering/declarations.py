"""The variables of a version: those found in its text and those declared with it become one list."""

from collections.abc import Sequence
from dataclasses import replace

from servicekit.errors import Violation

from prompt_service import strict_json
from prompt_service.rendering.placeholders import MAX_NAME_CHARS, VARIABLE_NAME
from prompt_service.rendering.values import UnfitValueError, text_of
from prompt_service.rendering.variables import MAX_VARIABLES, VARIABLE_TYPES, Variable
from prompt_service.validation import MAX_COMMENT_CHARS, MAX_TITLE_CHARS, check_text

MAX_OPTIONS = 100
MAX_OPTION_CHARS = 200
MAX_JSON_BYTES = 16 * 1024
"""Most bytes that one default or example may have."""


def merge(found: Sequence[str], declared: Sequence[Variable], violations: list[Violation]) -> tuple[Variable, ...]:
    """Found ones in order of appearance, described where they are declared; then those declared and not used.

    A found one that nobody declared is a required text. What is wrong is added to `violations`.
    """
    checked: dict[str, Variable] = {}
    for index, variable in enumerate(declared[: MAX_VARIABLES + 1]):
        pointer = f"/variables/{index}"
        if variable.name in checked:
            violations.append(Violation(f"{pointer}/name", f"Declare {variable.name} only once."))
            continue
        checked[variable.name] = _checked(variable, pointer, violations)
    for name in found:
        if len(name) > MAX_NAME_CHARS:
            problem = f"The variable {name[:20]}… has a name over {MAX_NAME_CHARS} characters; shorten it."
            violations.append(Violation("/content", problem))
    merged = {name: checked.get(name, Variable(name)) for name in found} | checked
    # A declared name keeps the place where the text has it: `|` overwrites values, not the order.
    if len(merged) > MAX_VARIABLES or len(declared) > MAX_VARIABLES:
        count = max(len(merged), len(declared))
        problem = f"Use at most {MAX_VARIABLES} variables, found and declared together; these are {count}."
        violations.append(Violation("/variables", problem))
    return tuple(merged.values())


def _checked(variable: Variable, pointer: str, violations: list[Violation]) -> Variable:
    problems: list[Violation] = []
    if not VARIABLE_NAME.fullmatch(variable.name):
        message = f"Begin with a letter or `_`, go on with letters, digits and `_`; at most {MAX_NAME_CHARS}."
        problems.append(Violation(f"{pointer}/name", message))
    if variable.type not in VARIABLE_TYPES:
        problems.append(Violation(f"{pointer}/type", f"Use one of: {', '.join(VARIABLE_TYPES)}."))
    if variable.max_chars < 0:
        problems.append(Violation(f"{pointer}/max_chars", "Give a positive number, or none for no limit."))
    options = _checked_options(variable, pointer, problems)
    checked = replace(
        variable,
        title=check_text(variable.title, f"{pointer}/title", problems, max_chars=MAX_TITLE_CHARS),
        description=check_text(variable.description, f"{pointer}/description", problems, max_chars=MAX_COMMENT_CHARS),
        options=options,
    )
    if not problems:  # a value is only held against a variable that makes sense
        _check_value(checked, checked.default_json, f"{pointer}/default", problems)
        _check_value(checked, checked.example_json, f"{pointer}/example", problems)
    violations.extend(problems)
    return checked


def _checked_options(variable: Variable, pointer: str, problems: list[Violation]) -> tuple[str, ...]:
    options = variable.options
    pointer = f"{pointer}/options"
    if variable.type != "enum":
        if options:
            problems.append(Violation(pointer, "Only a variable of type enum has options."))
        return options
    if not options:
        problems.append(Violation(pointer, "List the values that an enum may have."))
    elif len(options) > MAX_OPTIONS:
        problems.append(Violation(pointer, f"Use at most {MAX_OPTIONS} options; these are {len(options)}."))
    elif len(set(options)) < len(options):
        problems.append(Violation(pointer, "List each option only once."))
    for index, option in enumerate(options[:MAX_OPTIONS]):
        check_text(option, f"{pointer}/{index}", problems, max_chars=MAX_OPTION_CHARS)
    return options


def _check_value(variable: Variable, value_json: str, pointer: str, problems: list[Violation]) -> None:
    if not value_json:
        return
    if len(value_json.encode()) > MAX_JSON_BYTES:
        problems.append(Violation(pointer, f"Use at most {MAX_JSON_BYTES} bytes of JSON."))
        return
    try:
        value = strict_json.loads(value_json)
    except ValueError as error:
        problems.append(Violation(pointer, f"This is not valid JSON: {error}."))
        return
    try:
        text_of(variable, value)
    except UnfitValueError as error:
        problems.append(Violation(pointer, str(error)))
