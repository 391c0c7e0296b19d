"""The fake's own log of requests and tokens: what the vendor would put on the bill."""

from dataclasses import asdict, dataclass, field

from vendor_fakes.dashscope.answers.recorded import described_in
from vendor_fakes.dashscope.json_types import JsonObject


@dataclass(slots=True)
class RequestRecord:
    """One request as the vendor saw it; tokens are those produced, heard of or not."""

    request_id: str
    model: str
    is_stream: bool
    fault: str
    body: JsonObject
    key_tail: str
    client_port: int = 0
    status: int = 0
    error_code: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    chunks_sent: int = 0
    is_usage_sent: bool = False
    is_finished: bool = False
    has_client_left: bool = False
    has_ended: bool = False

    @property
    def described(self) -> str:
        """The description that the request is about; empty when there is none."""
        return described_in(self.body)

    def as_json(self) -> JsonObject:
        """The record as the control API shows it."""
        return dict(asdict(self))


@dataclass(slots=True)
class Journal:
    """Every request since the last reset, oldest first."""

    records: list[RequestRecord] = field(default_factory=list)

    @property
    def billed_tokens(self) -> tuple[int, int]:
        """Prompt and completion tokens of everything that was not refused."""
        billed = [record for record in self.records if record.status == 200]
        return sum(r.prompt_tokens for r in billed), sum(r.completion_tokens for r in billed)
