"""`make openapi`: write the OpenAPI document beside this file, for clients and for reviews."""

import json
from pathlib import Path

from api_gateway.app import create_app
from api_gateway.settings import GatewaySettings

# Nothing is connected before the application starts.
document = create_app(GatewaySettings(auth_target="-", prompt_target="-", generation_target="-")).openapi()
text = json.dumps(document, ensure_ascii=False, indent=1)
(Path(__file__).parent / "openapi.json").write_text(text + "\n", encoding="utf-8")
