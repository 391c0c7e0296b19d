"""Logs: events in the past tense with fields, one JSON object a line, each with its request's id."""

import json
import logging
import sys

import orjson
import structlog

Logger = structlog.stdlib.BoundLogger

# Never to be logged, whatever a caller passes by mistake.
SECRET_FIELDS = frozenset(
    {
        "access_token",
        "api_key",
        "authorization",
        "content",
        "cookie",
        "credential",
        "current_password",
        "database_url",
        "description",
        "key",
        "new_password",
        "password",
        "redis_url",
        "refresh_token",
        "secret",
        "token",
    },
)


def configure(service: str, *, level: str = "INFO", for_people: bool = False) -> None:
    """Send structlog and the standard library's records to standard error in one form."""
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if for_people else structlog.processors.JSONRenderer(serializer=_one_line)
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _redact,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _named(service),
                renderer,
            ],
        ),
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("sqlalchemy.engine", "aiosqlite", "asyncio", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def get_logger() -> Logger:
    """A logger; bind what belongs to all of its events."""
    logger: Logger = structlog.stdlib.get_logger()
    return logger


def bind_request(request_id: str) -> None:
    """Give every event of this task and its children the request's id."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def _one_line(event: object, **_options: object) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except TypeError:  # a lone surrogate or an integer beyond 64 bits; a line must not be lost for that
        return json.dumps(event, default=str)


def _named(service: str) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = service
        return event

    return add


def _redact(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for field in SECRET_FIELDS & event.keys():
        event[field] = "…"
    return event
