"""The floor: one FastAPI route that answers 1.8 KB of JSON from memory and knows nobody."""

from fastapi import FastAPI
from fastapi.responses import Response

BODY = b'{"text":"' + b"x" * 1800 + b'"}'

app = FastAPI()


@app.get("/")
async def answer() -> Response:
    """The same bytes each time."""
    return Response(BODY, media_type="application/json")
