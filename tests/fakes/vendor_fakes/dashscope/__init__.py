"""DashScope on the OpenAI-compatible wire: useful answers, the vendor's own rules, and faults on demand."""

from vendor_fakes.dashscope.faults import Fault
from vendor_fakes.dashscope.journal import RequestRecord
from vendor_fakes.dashscope.server import FakeDashScope, running

__all__ = ["FakeDashScope", "Fault", "RequestRecord", "running"]
