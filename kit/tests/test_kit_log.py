import json
import subprocess
import sys
from typing import Any

LOGGING = """
import logging
from servicekit import log

log.configure("test-service", level="{level}", for_people={for_people})
log.bind_request("request-1")
logger = log.get_logger()
{body}
"""


def logged(body: str, *, level: str = "INFO", for_people: bool = False) -> str:
    script = LOGGING.format(body=body, level=level, for_people=for_people)
    return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60).stderr


def lines(body: str, **options: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in logged(body, **options).splitlines()]


def test_an_event_is_one_json_object_with_service_request_time_and_level() -> None:
    (line,) = lines("logger.info('prompt created', version=3)")

    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "prompt created",
        "level": "info",
        "request_id": "request-1",
        "service": "test-service",
        "version": 3,
    }


def test_records_of_libraries_look_the_same() -> None:
    (line,) = lines("logging.getLogger('some.library').warning('lost %s of %d', 'one', 2)")

    assert (line["event"], line["service"], line["request_id"]) == ("lost one of 2", "test-service", "request-1")


def test_secrets_are_never_shown() -> None:
    fields = "password token access_token refresh_token key secret authorization content cookie credential description"
    arguments = ", ".join(f"{name}='canary-{name}'" for name in fields.split())

    for for_people in (False, True):
        assert "canary" not in logged(f"logger.error('x', {arguments})", for_people=for_people)


def test_an_exception_brings_its_traceback() -> None:
    (line,) = lines("try:\n    1 / 0\nexcept ZeroDivisionError as failure:\n    logger.error('x', exc_info=failure)")

    assert "Traceback" in line["exception"]
    assert "1 / 0" in line["exception"] or "ZeroDivisionError" in line["exception"]


def test_a_line_break_in_a_field_makes_no_second_line() -> None:
    (line,) = lines(r"logger.info('x', path='/a\n{\"level\":\"error\"}\r\nfoo')")

    assert line["path"].startswith("/a\n")


def test_what_json_cannot_hold_loses_no_line() -> None:
    written = lines(r"logger.info('x', bad='\ud800', big=10**30, odd={1, 2}, raw=b'\xff')")

    assert [line["event"] for line in written] == ["x"]


def test_the_level_is_a_floor() -> None:
    assert lines("logger.info('unseen')\nlogger.error('seen')", level="warning")[0]["event"] == "seen"
