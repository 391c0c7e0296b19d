"""The docs page with its own assets: nothing is asked of a CDN, and no inline script is needed."""

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Final

import orjson
from fastapi import FastAPI
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

ASSETS_PATH: Final = "/docs/assets"
OPENAPI_PATH: Final = "/api/v1/openapi.json"

PAGE: Final = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Prompt Sphere API</title>
<link rel="stylesheet" href="{ASSETS_PATH}/swagger-ui.css">
<link rel="icon" href="{ASSETS_PATH}/favicon.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{ASSETS_PATH}/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

START: Final = f"""SwaggerUIBundle({{
  url: "{OPENAPI_PATH}",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
}});
"""

DOCS_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)
HEADERS: Final = {"Content-Security-Policy": DOCS_POLICY, "Cache-Control": "public, max-age=300"}


def add_docs(app: FastAPI) -> None:
    """Serve `/docs` and what it loads."""
    # The package is only its bundled files to us; importing it would patch nothing but cost start-up time.
    assets = Path(str(files("fastapi_offline"))) / "static"

    rendered: bytes | None = None

    async def page() -> Response:
        return HTMLResponse(PAGE, headers=HEADERS)

    async def start() -> Response:
        return Response(START, media_type="text/javascript", headers=HEADERS)

    async def document() -> Response:
        # Built once, and beside the loop: it takes as long as hundreds of requests.
        nonlocal rendered
        if rendered is None:
            rendered = await asyncio.to_thread(lambda: orjson.dumps(app.openapi()))
        return Response(rendered, media_type="application/json", headers={"Cache-Control": "public, max-age=300"})

    app.add_api_route(OPENAPI_PATH, document, include_in_schema=False)
    app.add_api_route("/docs", page, include_in_schema=False)
    app.add_api_route("/docs/start.js", start, include_in_schema=False)
    app.mount(ASSETS_PATH, StaticFiles(directory=assets))
