"""An example of every body in the OpenAPI document, put together from the examples of its fields."""

from collections.abc import Mapping
from typing import Any, Final

_BY_TYPE: Final[Mapping[str, Any]] = {
    "string": "…",
    "integer": 1,
    "number": 0.5,
    "boolean": False,
    "null": None,
}


def add_example(content: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Give a media type's entry an example, unless it has one."""
    if "example" not in content and "examples" not in content:
        content["example"] = example_of(content.get("schema", {}), schemas)


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """A value that fits `schema`: the first example given, else made of its parts.

    An object gets its required fields and those that have an example; what excludes another field has none.
    """
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for given in ("examples", "enum"):
        if schema.get(given):
            return schema[given][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas)
    if schema.get("type") == "object":
        return _object(schema, schemas)
    if schema.get("type") == "array":
        return [example_of(schema.get("items", {}), schemas)]
    return schema.get("const", _BY_TYPE.get(schema.get("type", "null")))


def _object(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    required = schema.get("required", ())
    return {
        name: example_of(part, schemas)
        for name, part in schema.get("properties", {}).items()
        if name in required or part.get("examples")
    }
