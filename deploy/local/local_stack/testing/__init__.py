"""For tests of a whole stack: the stack itself, and people who use it."""

from local_stack.testing.people import PASSWORD, Person, ask, event_id, register
from local_stack.testing.stacks import SCHEMAS, StackProcess, running_stack, until

__all__ = [
    "PASSWORD",
    "SCHEMAS",
    "Person",
    "StackProcess",
    "ask",
    "event_id",
    "register",
    "running_stack",
    "until",
]
