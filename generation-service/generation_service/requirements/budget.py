"""How long understanding a description may take: one figure, and what each step leaves for the next."""

from typing import Final

ANSWER_SECONDS: Final = 20.0
"""A description is answered within this, by the rules when a model is slow."""

WAIT_SECONDS: Final = ANSWER_SECONDS - 1.0
"""How long the caller's RPC waits for the run; the rest is for the answer by rules."""

MODEL_SECONDS: Final = ANSWER_SECONDS - 3.0
"""How long the run lets its model think; the rest is for the rules and the database."""
