"""Fixtures for pytest, found through the `pytest11` entry point of this package."""

from collections.abc import AsyncIterator

import pytest_asyncio

from vendor_fakes.dashscope import FakeDashScope, running


@pytest_asyncio.fixture
async def fake_dashscope() -> AsyncIterator[FakeDashScope]:
    """A fresh fake with an empty log for each test."""
    async with running() as fake:
        yield fake
