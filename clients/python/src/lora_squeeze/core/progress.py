"""Progress reports, to a function or to a tqdm bar."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Union

__all__ = ["Progress", "ProgressOption", "ProgressReporter"]


@dataclass(frozen=True)
class Progress:
    """phase: "upload", "download", "batch", or one of a job's phases ("import", "gram", …). done of total: bytes for
    uploads, downloads, imports and deliveries; items for a batch; otherwise modules. total: 0 if unknown. name: the file
    or module, if any."""

    phase: str
    done: int
    total: int
    name: str | None = None

    @property
    def is_in_bytes(self) -> bool:
        return self.phase in ("upload", "download", "import", "deliver")


#: True: a tqdm bar, if tqdm is installed. A function: called with each Progress.
ProgressOption = Union[bool, Callable[[Progress], None], None]


class ProgressReporter:
    """Receives the progress of calls, as a context manager: leaving it closes the bar."""

    def __init__(self, option: ProgressOption) -> None:
        self._option, self._bar, self._phase = option, None, ""
        self._tqdm: Any = None
        if option is True:
            try:
                from tqdm.auto import tqdm  # type: ignore[import-untyped, import-not-found, unused-ignore]
            except ImportError:
                warnings.warn("progress=True shows a bar where tqdm is installed: pip install tqdm", stacklevel=4)
            else:
                self._tqdm = tqdm

    @property
    def is_wanted(self) -> bool:
        return self._tqdm is not None or callable(self._option)

    def __call__(self, progress: Progress) -> None:
        if callable(self._option):
            self._option(progress)
        elif self._tqdm is not None:
            self._show(progress)

    def __enter__(self) -> ProgressReporter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def _show(self, progress: Progress) -> None:
        phase = progress.phase if not progress.is_in_bytes or progress.name is None else f"{progress.phase} {progress.name}"
        if phase != self._phase:
            self._end()
            unit = {"unit": "B", "unit_scale": True} if progress.is_in_bytes else {"unit": "module"}
            self._bar, self._phase = self._tqdm(desc=phase, total=progress.total or None, **unit), phase
        bar: Any = self._bar
        bar.total = progress.total or None
        bar.update(progress.done - bar.n)

    def _end(self) -> None:
        bar: Any = self._bar
        if bar is not None:
            bar.close()
        self._bar, self._phase = None, ""
