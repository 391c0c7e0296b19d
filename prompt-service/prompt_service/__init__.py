"""prompt-service: prompts with immutable versions, labels, rendering and delivery by name."""
