"""The events of a stream in the document: as their frames come, every field a string, `data` with JSON inside."""

from typing import Any

JsonObject = dict[str, Any]


def describe_stream(content: JsonObject, schemas: JsonObject) -> None:
    """Give the entry of a stream the schema of one event.

    FastAPI puts the model of an event under its default media type. OpenAPI 3.1 has no word of its own for the items of
    a stream (3.2 calls it `itemSchema`), so tools take the schema for that of each event, as here.
    """
    event = content.pop("application/json")["schema"]
    content["text/event-stream"]["schema"] = event
    union = schemas[event["$ref"].rpartition("/")[2]]
    for reference in union["discriminator"]["mapping"].values():
        fields = schemas[reference.rpartition("/")[2]]["properties"]
        fields["id"] = {"type": "string", "pattern": "^[1-9][0-9]*$", "title": "Id"}
        if "$ref" in fields["data"]:
            fields["data"] = {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": fields["data"],
            }
