"""An instance of any JSON Schema: the smallest honest one, with quotes taken from the data."""

from vendor_fakes.dashscope.json_types import JsonObject, JsonValue

_MAX_DEPTH = 12


def instance_of(schema: JsonValue, *, source: str = "", root: JsonObject | None = None, depth: int = 0) -> JsonValue:
    """A value that satisfies the schema; strings whose name speaks of a quote are taken from `source`."""
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return None
    base = root if root is not None else schema
    schema = _resolved(schema, base)
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    enum = schema.get("enum")
    if isinstance(enum, list) and enum:
        return enum[0]
    for word in ("anyOf", "oneOf", "allOf"):
        options = schema.get(word)
        if isinstance(options, list) and options:
            return instance_of(options[0], source=source, root=base, depth=depth + 1)
    return _typed(schema, source, base, depth)


def _resolved(schema: JsonObject, root: JsonObject) -> JsonObject:
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return schema
    target: JsonValue = root
    for part in reference[2:].split("/"):
        target = target.get(part) if isinstance(target, dict) else None
    return target if isinstance(target, dict) else {}


def _typed(schema: JsonObject, source: str, root: JsonObject, depth: int) -> JsonValue:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object" or "properties" in schema:
        return _object(schema, source, root, depth)
    if kind == "array":
        count = max(_whole(schema.get("minItems"), 0), 1)
        count = min(count, _whole(schema.get("maxItems"), count))
        item = instance_of(schema.get("items"), source=source, root=root, depth=depth + 1)
        return [item for _ in range(count)]
    if kind in {"integer", "number"}:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        return low + 1 if "exclusiveMinimum" in schema and isinstance(low, int | float) else low
    if kind == "boolean":
        return True
    return None if kind == "null" else _string(schema, "")


def _object(schema: JsonObject, source: str, root: JsonObject, depth: int) -> JsonObject:
    properties = schema.get("properties")
    made: JsonObject = {}
    for name, entry in (properties if isinstance(properties, dict) else {}).items():
        is_plain_string = isinstance(entry, dict) and "string" in str(entry.get("type")) and "enum" not in entry
        if is_plain_string and isinstance(entry, dict):
            made[name] = _string(entry, source if "quote" in name and source else name)
        else:
            made[name] = instance_of(entry, source=source, root=root, depth=depth + 1)
    return made


def _string(schema: JsonObject, preferred: str) -> str:
    if schema.get("format") in {"date-time", "date"}:
        return "2026-11-01T00:00:00Z" if schema["format"] == "date-time" else "2026-11-01"
    text = preferred or "text"
    text = text.ljust(_whole(schema.get("minLength"), 0), "·")
    return text[: _whole(schema.get("maxLength"), len(text))]


def _whole(value: JsonValue, otherwise: int) -> int:
    return int(value) if isinstance(value, int | float) else otherwise
