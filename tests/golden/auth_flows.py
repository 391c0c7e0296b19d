"""Signing in and out, sessions, one's own account, keys and what they may do."""

from collections.abc import Awaitable, Callable

from golden.prompt_flows import pages
from golden.visitor import PASSWORD, Case, Visitor, all_of

SCOPES = ("read", "write", "generate", "deliver", "admin")
PROBES = (
    ("GET", "/api/v1/me", None),
    ("GET", "/api/v1/prompts", None),
    ("POST", "/api/v1/prompts", {"name": "by-key", "content": "x"}),
    ("GET", "/api/v1/delivery/nothing", None),
    ("POST", "/api/v1/lint", {"content": "你是客服。"}),
    ("POST", "/api/v1/requirements", {"description": "客服智能体"}),
    ("GET", "/api/v1/runs", None),
    ("GET", "/api/v1/models", None),
    ("GET", "/api/v1/api-keys", None),
    ("POST", "/api/v1/api-keys", {"name": "more", "scopes": ["read"]}),
    ("GET", "/api/v1/me/sessions", None),
    ("PATCH", "/api/v1/me", {"display_name": "new"}),
    ("POST", "/api/v1/me/password", {"current_password": "x", "new_password": "y"}),
    ("POST", "/api/v1/auth/switch", {"workspace_id": "x"}),
)


async def auth_flows(door: Visitor) -> list[Case]:
    """All flows."""
    keys = (_key(door, scope) for scope in SCOPES)
    return await all_of(*(_flow(door, name, act) for name, act in FLOWS.items()), *keys)


async def _flow(door: Visitor, name: str, act: Callable[[Visitor, Case, str], Awaitable[None]]) -> Case:
    case = Case(f"flow/auth/{name}")
    await act(door, case, f"auth-{name}@example.com")
    return case


async def _enter(door: Visitor, case: Case, email: str, *, name: str = "王小明") -> tuple[Visitor, str]:
    body = {"email": email, "password": PASSWORD, "display_name": name}
    heard = await door.tell(case, "POST", "/api/v1/auth/register", body)
    return door.as_bearer(heard.body["access_token"]), heard.body["refresh_token"]


async def _signing_in(door: Visitor, case: Case, email: str) -> None:
    await _enter(door, case, email)
    for body in (
        {"email": email, "password": PASSWORD},
        {"email": email.upper(), "password": PASSWORD},
        {"email": email, "password": "incorrect horse battery"},
        {"email": f"no-{email}", "password": PASSWORD},
    ):
        for language in ("en", "zh"):
            await door.speaking(language).tell(case, "POST", "/api/v1/auth/login", body)
    again = {"email": email, "password": PASSWORD, "display_name": "again", "locale": "en"}
    await door.tell(case, "POST", "/api/v1/auth/register", again)


async def _refreshing(door: Visitor, case: Case, email: str) -> None:
    person, token = await _enter(door, case, email)
    path = "/api/v1/auth/refresh"
    heard = await door.tell(case, "POST", path, {"refresh_token": token})
    later = heard.body["refresh_token"]
    await door.tell(case, "POST", path, Cookie=f"ps_refresh={later}")
    for given in ("psr_nonsense", "x", ""):
        await door.tell(case, "POST", path, {"refresh_token": given})
    await door.tell(case, "POST", path)
    await person.tell(case, "GET", "/api/v1/me")
    await door.tell(case, "POST", path, {"refresh_token": token})
    await door.tell(case, "POST", path, {"refresh_token": later})


async def _leaving(door: Visitor, case: Case, email: str) -> None:
    person, token = await _enter(door, case, email)
    await person.tell(case, "POST", "/api/v1/auth/logout")
    await door.tell(case, "POST", "/api/v1/auth/refresh", {"refresh_token": token})
    await door.tell(case, "POST", "/api/v1/auth/logout")
    await door.tell(case, "POST", "/api/v1/auth/logout", Cookie=f"ps_refresh={token}")


async def _oneself(door: Visitor, case: Case, email: str) -> None:
    person, _ = await _enter(door, case, email)
    heard = await person.tell(case, "GET", "/api/v1/me")
    etag = heard.headers["etag"]
    await person.tell(case, "PATCH", "/api/v1/me", {"display_name": "王大明", "locale": "en"}, If_Match=etag)
    await person.tell(case, "PATCH", "/api/v1/me", {"locale": "zh"}, If_Match=etag)
    await person.tell(case, "PATCH", "/api/v1/me", {})
    await person.tell(case, "POST", "/api/v1/auth/switch", {"workspace_id": heard.body["workspace"]["id"]})
    change = {"current_password": PASSWORD, "new_password": "mountain violin harbour seven"}
    await person.tell(case, "POST", "/api/v1/me/password", change)
    await door.tell(case, "POST", "/api/v1/auth/login", {"email": email, "password": PASSWORD})
    await door.tell(case, "POST", "/api/v1/auth/login", {"email": email, "password": change["new_password"]})


async def _sessions(door: Visitor, case: Case, email: str) -> None:
    person, _ = await _enter(door, case, email)
    for _ in range(3):
        await door.ask("POST", "/api/v1/auth/login", {"email": email, "password": PASSWORD})
    await pages(person, case, "/api/v1/me/sessions")
    heard = await person.ask("GET", "/api/v1/me/sessions")
    other = next(one["id"] for one in heard.body["items"] if not one["current"])
    for _ in range(2):
        await person.tell(case, "DELETE", f"/api/v1/me/sessions/{other}")
    await person.tell(case, "DELETE", "/api/v1/me/sessions")
    await person.tell(case, "DELETE", "/api/v1/me/sessions?others=true")
    await person.tell(case, "GET", "/api/v1/me/sessions")


async def _keys(door: Visitor, case: Case, email: str) -> None:
    person, _ = await _enter(door, case, email)
    body = {"name": "网站", "scopes": ["deliver", "read"], "expires_at": "2099-01-01T08:00:00+08:00"}
    heard = await person.tell(case, "POST", "/api/v1/api-keys", body)
    path = f"/api/v1/api-keys/{heard.body['id']}"
    fenced = {"name": "fenced", "scopes": ["read"], "allowed_ips": ["203.0.113.0/24", "2001:db8::1"]}
    elsewhere = await person.tell(case, "POST", "/api/v1/api-keys", fenced)
    await door.as_bearer(elsewhere.body["key"]).tell(case, "GET", "/api/v1/prompts")
    await door.as_bearer(heard.body["key"]).tell(case, "GET", "/api/v1/prompts")
    rotated = await person.tell(case, "POST", f"{path}/rotate")
    await door.as_bearer(rotated.body["key"]).tell(case, "GET", "/api/v1/prompts")
    for scopes in (["read"], ["write", "generate"]):
        await person.tell(case, "POST", "/api/v1/api-keys", {"name": "n", "scopes": scopes})
    await person.tell(case, "DELETE", path)
    await person.tell(case, "DELETE", path)
    await person.tell(case, "POST", f"{path}/rotate")


async def _key(door: Visitor, scope: str) -> Case:
    """What a key with one scope may do."""
    case = Case(f"flow/auth/key-{scope}")
    person, _ = await _enter(door, case, f"key-{scope}@example.com")
    heard = await person.tell(case, "POST", "/api/v1/api-keys", {"name": scope, "scopes": [scope]})
    holder = door.as_bearer(heard.body["key"])
    for method, path, body in PROBES:
        await holder.tell(case, method, path, body)
    return case


FLOWS: dict[str, Callable[[Visitor, Case, str], Awaitable[None]]] = {
    "signing-in": _signing_in,
    "refreshing": _refreshing,
    "leaving": _leaving,
    "oneself": _oneself,
    "sessions": _sessions,
    "keys": _keys,
}
