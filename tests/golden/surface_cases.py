"""What the gateway says about itself: the OpenAPI document path by path, models, keys, health."""

import json

from golden.visitor import Case, Visitor, all_of

PUBLIC = ("/livez", "/readyz", "/docs", "/api/v1/openapi.json", "/", "/metrics", "/api/v1/meta")


async def surface(door: Visitor, person: Visitor) -> list[Case]:
    """All of it."""
    return await all_of(_openapi(door), _health(door), _models(person), _preflight(door))


async def _openapi(door: Visitor) -> list[Case]:
    document = (await door.ask("GET", "/api/v1/openapi.json")).body
    cases = []
    for part, entries in {
        "paths": document.pop("paths"),
        "schemas": document.get("components", {}).pop("schemas", {}),
    }.items():
        for name, entry in entries.items():
            cases.append(Case(f"openapi/{part}/{name.strip('/').replace('/', '_') or 'root'}"))
            cases[-1].note(name, entry)
    rest = Case("openapi/rest")
    rest.note("all but paths and schemas", document)
    return [*cases, rest]


async def _health(door: Visitor) -> list[Case]:
    case = Case("surface/public")
    for path in PUBLIC:
        heard = await door.ask("GET", path)
        case.note(path, heard.document() if path != "/api/v1/openapi.json" else {"headers": heard.headers})
        await door.tell(case, "HEAD", path)
        await door.tell(case, "OPTIONS", path)
    keys = await door.ask("GET", "/.well-known/jwks.json")
    shape = json.loads(json.dumps(keys.document()))
    shape["body"] = [{name: one[name] for name in one if name not in {"x", "y", "kid"}} for one in keys.body["keys"]]
    case.note("/.well-known/jwks.json", shape)
    status = await door.ask("GET", "/statusz")
    found = {name: one["state"] for name, one in status.body["dependencies"].items()}
    case.note("/statusz", {"status": status.status, "headers": status.headers, "body": found})
    return [case]


async def _models(person: Visitor) -> list[Case]:
    case = Case("models/rules")
    await person.tell(case, "GET", "/api/v1/models")
    return [case]


async def _preflight(door: Visitor) -> list[Case]:
    case = Case("surface/preflight")
    for origin in ("https://evil.example", "null"):
        await door.tell(case, "OPTIONS", "/api/v1/prompts", Origin=origin, Access_Control_Request_Method="POST")
        await door.tell(case, "GET", "/livez", Origin=origin)
    return [case]
