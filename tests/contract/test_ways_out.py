"""Nothing of ours obeys `http_proxy`: each client that could is made in the one way that doesn't."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("kit/servicekit", "gateway/api_gateway", "auth-service/auth_service", "prompt-service/prompt_service")
SOURCES = sorted(
    path
    for folder in (*PRODUCT, "generation-service/generation_service", "deploy/local/local_stack")
    for path in (ROOT / folder).rglob("*.py")
    if "testing" not in path.parts
)
# They read the environment by default, or always.
READERS = ("urllib.request", "requests", "httpx", "httpx2", "urllib3", "websockets")
HEALTH_CHECKED = [*sorted(ROOT.glob("*/Dockerfile")), ROOT / "compose.yaml"]


def offences(source: str) -> Iterator[str]:
    """What would be led away by the environment."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            yield from (name for name in names if name in READERS)
        if not isinstance(node, ast.Call):
            continue
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in {"insecure_channel", "secure_channel"} and given.get("options") != "OPTIONS":
            yield "a gRPC channel without our OPTIONS"
        if called in {"ClientSession", "request"} and given.get("trust_env", "False") != "False":
            yield "an aiohttp session that trusts the environment"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_client_obeys_the_environment(path: Path) -> None:
    assert list(offences(path.read_text(encoding="utf-8"))) == []


def test_an_offence_would_be_seen() -> None:
    assert len(list(offences("import httpx\ngrpc.insecure_channel('a')\naiohttp.ClientSession(trust_env=True)"))) == 3


def test_the_options_of_our_channels_say_so() -> None:
    text = (ROOT / "kit/servicekit/rpc/client.py").read_text(encoding="utf-8")

    assert '("grpc.enable_http_proxy", 0)' in text


@pytest.mark.parametrize("path", HEALTH_CHECKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_health_checks_go_straight(path: Path) -> None:
    """Docker gives the proxies of its own configuration to every container."""
    text = path.read_text(encoding="utf-8")

    assert "urlopen" not in text
    assert "curl" not in text or "--noproxy" in text
    assert "wget" not in text or '-Y, "off"' in text
