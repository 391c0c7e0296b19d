"""The REST gateway: authenticates, limits, composes the services' RPCs, and speaks HTTP."""
