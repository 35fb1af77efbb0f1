"""The errors that annealing raises. When one of them is raised, nothing of the training has changed."""

__all__ = ["AnnealingError", "CallError", "MismatchError", "UnsupportedError"]


class AnnealingError(ValueError):
    """Raised before anything changed. `code` is stable; the message says what to do."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


class UnsupportedError(AnnealingError):
    """The model, the optimizer, or the way in which they are run does not support annealing."""


class MismatchError(AnnealingError):
    """Layers, optimizer, plan and step do not match."""


class CallError(AnnealingError):
    """Annealer.step was called at the wrong time, or with a wrong number."""
