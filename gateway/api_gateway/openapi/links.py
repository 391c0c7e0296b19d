"""Which answer leads to which operation: for readers, and for what walks the API from answer to answer."""

from typing import Any, Final

# Operation and status → the operations that its answer is enough to call, with what they take from it.
_PROMPT: Final = ("getPrompt", "deletePrompt", "listVersions", "listLabels", "rollbackPrompt", "renderPrompt")
LINKS: Final[dict[tuple[str, str], dict[str, dict[str, str]]]] = {
    ("createPrompt", "201"): {
        **{name: {"id": "$response.body#/id"} for name in _PROMPT},
        "updatePrompt": {"id": "$response.body#/id", "If-Match": "$response.header.ETag"},
        "createVersion": {"id": "$response.body#/id"},
        "deliver": {"name": "$response.body#/name"},
    },
    ("getPrompt", "200"): {
        "updatePrompt": {"id": "$response.body#/id", "If-Match": "$response.header.ETag"},
        "restorePrompt": {"id": "$response.body#/id"},
    },
    ("createVersion", "201"): {"getVersion": {"id": "$request.path.id", "number": "$response.body#/number"}},
    ("setLabel", "200"): {
        "deleteLabel": {"id": "$request.path.id", "label": "$response.body#/label"},
        "listLabelEvents": {"id": "$request.path.id", "label": "$response.body#/label"},
    },
    ("createApiKey", "201"): {
        "rotateApiKey": {"id": "$response.body#/id"},
        "deleteApiKey": {"id": "$response.body#/id"},
    },
    ("createRun", "202"): {name: {"id": "$response.body#/id"} for name in ("getRun", "cancelRun", "streamEvents")},
    ("createAssessment", "202"): {
        name: {"id": "$response.body#/id"} for name in ("getRun", "cancelRun", "streamEvents")
    },
    ("listSessions", "200"): {"deleteSession": {"id": "$response.body#/items/0/id"}},
}


def add_links(operation: dict[str, Any]) -> None:
    """Add to the answers of an operation where they lead."""
    for status, response in operation["responses"].items():
        targets = LINKS.get((operation["operationId"], status))
        if targets:
            response["links"] = {
                name: {"operationId": name, "parameters": parameters} for name, parameters in targets.items()
            }
