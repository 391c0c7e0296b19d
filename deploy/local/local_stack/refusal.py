"""What the launcher says when it will not start."""


class Refusal(Exception):
    """The stack can't start as asked; the message is a sentence that says what to change."""

    exit_code = 2


class StartFailure(Refusal):
    """The settings may be right, but a process did not come up."""

    exit_code = 1
