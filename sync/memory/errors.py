"""What may go wrong with a call of a model program; each text is one line for people."""


class ModelError(Exception):
    """A model program gave no answer that can be used: `kind`, one word, and a one-line text."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class NotStartedError(ModelError):
    """The program is missing, is not executable, or cannot be started; nothing of it ran."""

    def __init__(self, message: str) -> None:
        super().__init__("start", message)


class TimedOutError(ModelError):
    """The program did not end in time."""

    def __init__(self, message: str) -> None:
        super().__init__("timeout", message)


class FloodError(ModelError):
    """The program wrote more than it may."""

    def __init__(self, message: str) -> None:
        super().__init__("flood", message)


class StoppedError(ModelError):
    """We were asked to stop before the program had ended."""

    def __init__(self, message: str) -> None:
        super().__init__("stopped", message)
