"""Reading of the bilingual data tables that lie beside the code."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from servicekit.json_types import JsonObject, JsonValue

from generation_service.text.language import Language


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


@cache
def bilingual_texts(package: str, *path: str) -> Mapping[str, Mapping[Language, str]]:
    """The texts of a TOML file of a package by key and language."""
    rows = load_table(package, *path)
    return {
        key: {"zh": text_of(row, "zh"), "en": text_of(row, "en")} for key, row in rows.items() if isinstance(row, dict)
    }


def both_languages(table: JsonObject, key: str) -> dict[Language, str]:
    """Return `key_zh` and `key_en` of the table by language."""
    return {"zh": text_of(table, f"{key}_zh"), "en": text_of(table, f"{key}_en")}
