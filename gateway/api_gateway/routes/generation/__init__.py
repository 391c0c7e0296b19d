"""What generation-service works out: requirements, runs, assessments, lint, and the models for it."""
