"""How every gateway learns what a session or API key may do now: an outbox of changes, published to Redis."""
