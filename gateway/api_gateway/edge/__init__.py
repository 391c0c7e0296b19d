"""What every request passes before its handler: who sends it, how often, and only then its body."""
