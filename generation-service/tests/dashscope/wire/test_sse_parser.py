import pytest
from generation_service.dashscope.wire.body import BodyReader
from generation_service.dashscope.wire.sse import MalformedStream, SseEvent, SseParser
from hypothesis import given, settings
from hypothesis import strategies as st

STREAM = (
    'data: {"a": "文档 😀"}\n\n'
    ": heartbeat\r\n\r\n"
    "id: 7\revent: error\r:HTTP_STATUS/429\rdata: one\rdata:two\r\r"
    "retry: 3\n\ndata: [DONE]\n\n"
).encode()
EVENTS = [
    SseEvent('{"a": "文档 😀"}'),
    SseEvent("one\ntwo", "error", 429),
    SseEvent("[DONE]"),
]


def parse(pieces: list[bytes]) -> list[SseEvent]:
    parser = SseParser()
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events + parser.finish()


def test_events_data_lines_and_the_status_comment_are_read() -> None:
    assert parse([STREAM]) == EVENTS


@given(st.sets(st.integers(0, len(STREAM)), max_size=40))
def test_any_split_gives_the_same_events(cuts: set[int]) -> None:
    ends = [*sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in zip([0, *ends], ends, strict=False)]

    assert parse(pieces) == EVENTS


def test_one_byte_at_a_time_gives_the_same_events() -> None:
    assert parse([STREAM[at : at + 1] for at in range(len(STREAM))]) == EVENTS


def test_a_cut_anywhere_gives_a_prefix_and_at_most_one_event_marked_incomplete() -> None:
    for at in range(len(STREAM)):
        events = parse([STREAM[:at]])
        whole = [event for event in events if event.is_complete]
        assert whole == EVENTS[: len(whole)]
        assert len(events) - len(whole) <= 1


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_arbitrary_bytes_end_in_events_or_the_typed_error(pieces: list[bytes]) -> None:
    try:
        events = parse(pieces)
    except MalformedStream:
        return

    assert all(isinstance(event, SseEvent) for event in events)


@pytest.mark.parametrize("raw", [b"data: \xff\xfe\n\n", b"<html>\n", b"<html>", b"date: x\n\n"])
def test_what_is_no_event_stream_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedStream):
        parse([raw])


def test_fields_that_nobody_knows_are_ignored() -> None:
    raw = b"provider: x\ndata: 1\nX-Trace\nEvent : odd\n\xff\xfe: y\n\n"

    assert parse([raw]) == [SseEvent("1", "odd")]


def test_documents_without_a_blank_line_between_them_are_events_of_their_own() -> None:
    raw = b'data: {"a": 1}\ndata: {"a": 2}\ndata: [DONE]\n'

    assert [event.data for event in parse([raw])] == ['{"a": 1}', '{"a": 2}', "[DONE]"]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_line_over_the_limit_is_refused_before_it_ends(size: int) -> None:
    parser = SseParser(max_line_bytes=100)
    for _ in range(100 // size):
        assert list(parser.feed(b"x" * size)) == []

    with pytest.raises(MalformedStream, match="too long"):
        list(parser.feed(b"x" * size))


def test_an_event_of_many_short_lines_is_bounded_too() -> None:
    parser = SseParser(max_line_bytes=100)

    with pytest.raises(MalformedStream, match="event is too long"):
        list(parser.feed(b"data: 0123456789\n" * 20))


@pytest.mark.parametrize("raw", [b'{"a": 1}', b'\xef\xbb\xbf\n {"a": 1}'])
def test_a_body_that_is_json_is_one_frame_at_its_end(raw: bytes) -> None:
    reader = BodyReader(1000, 1000)
    events = [event for at in range(len(raw)) for event in reader.feed(raw[at : at + 1])]

    assert events == []
    assert [event.data.strip() for event in reader.finish()] == ['{"a": 1}']


def test_a_body_over_its_limit_is_refused() -> None:
    reader = BodyReader(max_line_bytes=100, max_body_bytes=15)
    assert [event.data for event in reader.feed(b"data: 1\n\n")] == ["1"]

    with pytest.raises(MalformedStream, match="body is too long"):
        list(reader.feed(b"data: 1\n\n"))
