"""Reading of the bilingual data tables that lie beside the code."""

import tomllib
from importlib.resources import files

from generation_service.requirements.domain import JsonObject, JsonValue, Language


def load_table(package: str, *path: str) -> JsonObject:
    """Read one TOML file of a package; tables hold JSON-like values only."""
    resource = files(package).joinpath(*path)
    table: JsonObject = tomllib.loads(resource.read_text("utf-8"))
    return table


def text_of(table: JsonObject, key: str) -> str:
    """Return a string of the table, empty when it has none by this name."""
    value = table.get(key, "")
    return value if isinstance(value, str) else ""


def texts_of(table: JsonObject, key: str) -> tuple[str, ...]:
    """Return a list of strings of the table, empty when it has none by this name."""
    value = table.get(key, [])
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def table_of(table: JsonObject, key: str) -> JsonObject:
    """Return a nested table, empty when there is none by this name."""
    value: JsonValue = table.get(key, {})
    return value if isinstance(value, dict) else {}


def tables_of(table: JsonObject, key: str) -> tuple[JsonObject, ...]:
    """Return a list of nested tables, empty when there is none by this name."""
    value = table.get(key, [])
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def both_languages(table: JsonObject, key: str) -> dict[Language, str]:
    """Return `key_zh` and `key_en` of the table by language."""
    return {"zh": text_of(table, f"{key}_zh"), "en": text_of(table, f"{key}_en")}
