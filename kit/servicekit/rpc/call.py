"""What a handler may know of the RPC it serves; set by the server's interceptor."""

from contextvars import ContextVar, Token
from dataclasses import dataclass, field

from servicekit.auth.identity import Actor
from servicekit.errors import Unauthenticated


@dataclass(slots=True)
class Call:
    """The facts of one RPC.

    Attributes:
        method: full name, `/promptsphere.prompt.v1.PromptsService/CreatePrompt`.
        request_id: the id that every log line and answer of this request bears.
        identity: who calls; None on PUBLIC and SERVICE methods without a user.
        client_ip: the person's address as the gateway saw it; empty for other callers.
        user_agent: likewise.
        idempotency_key: the caller's key, when it sent one.
        request_hash: SHA-256 in hex over method, path and canonical body; goes with the key.
        if_match: the row version the caller believes in, from `If-Match`.
        is_replay: the answer was stored by an earlier call with the same key.
    """

    method: str
    request_id: str
    identity: Actor | None = None
    client_ip: str = ""
    user_agent: str = ""
    idempotency_key: str | None = None
    request_hash: str | None = None
    if_match: int | None = None
    is_replay: bool = field(default=False)

    @property
    def actor(self) -> Actor:
        """Who calls.

        Raises:
            Unauthenticated: nobody is known to call.
        """
        if self.identity is None:
            raise Unauthenticated("Sign in first, or send an API key as a bearer token.")
        return self.identity

    def mark_replayed(self) -> None:
        """Say that the answer is the stored one; the caller sees `Idempotency-Replayed: true`."""
        self.is_replay = True


_current: ContextVar[Call] = ContextVar("promptsphere_call")


def current_call() -> Call:
    """The RPC being served in this task.

    Raises:
        LookupError: no RPC is being served here.
    """
    return _current.get()


def enter_call(call: Call) -> Token[Call]:
    """Make `call` the current one; the interceptor (or a test) does this."""
    return _current.set(call)


def leave_call(token: Token[Call]) -> None:
    """Undo `enter_call`."""
    _current.reset(token)
