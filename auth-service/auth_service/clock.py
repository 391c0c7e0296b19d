"""The time as rules see it: an argument, so that a test can say what time it is."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""Gives the time, aware, UTC; `servicekit.db.schema.now` in production."""
