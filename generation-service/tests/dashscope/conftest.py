from generation_service.dashscope.testing import door, model_client, rows, short_limits

__all__ = ["door", "model_client", "rows", "short_limits"]
