"""What annealing refuses. Nothing of the trainer has changed when one of these is raised."""

__all__ = ["AnnealingError", "CallError", "MismatchError", "UnsupportedError"]


class AnnealingError(ValueError):
    """Refused before anything changed. `code` is stable, the message says what to do."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


class UnsupportedError(AnnealingError):
    """The model, the optimizer, or the way in which they are run cannot be annealed."""


class MismatchError(AnnealingError):
    """Layers, optimizer, plan and step do not belong together."""


class CallError(AnnealingError):
    """Annealer.step was called at the wrong time, or with a wrong number."""
