"""What OpenAI-compatible servers other than DashScope really send, as raw frames with what has to come of each."""

from vendor_fakes.dashscope.oddities.endings import ENDINGS
from vendor_fakes.dashscope.oddities.frames import Oddity
from vendor_fakes.dashscope.oddities.framings import FRAMINGS
from vendor_fakes.dashscope.oddities.texts import TEXTS
from vendor_fakes.dashscope.oddities.troubles import TROUBLES
from vendor_fakes.dashscope.oddities.usages import USAGES

ODDITIES: tuple[Oddity, ...] = (*FRAMINGS, *TEXTS, *ENDINGS, *USAGES, *TROUBLES)

__all__ = ["ODDITIES", "Oddity"]
