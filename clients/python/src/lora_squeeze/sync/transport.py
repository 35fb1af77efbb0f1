"""Runs steps, blocking."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, TypeVar, cast

import httpx

from lora_squeeze.core.effects import Close, Done, Effect, Emit, Open, Read, Run, Sleep, Steps, advance
from lora_squeeze.core.transport import BROKEN, Address, failure_of, head_of

__all__ = ["Transport"]

T = TypeVar("T")


class Transport:
    """http: the httpx client whose connections are used; several threads may use this object at the same time."""

    def __init__(self, address: Address, http: httpx.Client) -> None:
        self._address, self._http = address, http

    def run(self, steps: Steps[T]) -> T:
        exchange = _Exchange(self._address, self._http)
        try:
            effect = advance(steps, None, None)
            while not isinstance(effect, Done):
                effect = advance(steps, *exchange.answered(effect))
            return cast(T, effect.value)
        finally:
            steps.close()
            exchange.close()

    def iterate(self, steps: Steps[None]) -> Iterator[Any]:
        """The values that the steps emit."""
        exchange = _Exchange(self._address, self._http)
        try:
            effect = advance(steps, None, None)
            while not isinstance(effect, Done):
                if isinstance(effect, Emit):
                    yield effect.value
                    effect = advance(steps, None, None)
                else:
                    effect = advance(steps, *exchange.answered(effect))
        finally:
            steps.close()
            exchange.close()


class _Exchange:
    """The response that is currently open, if any."""

    def __init__(self, address: Address, http: httpx.Client) -> None:
        self._address, self._http = address, http
        self._response: httpx.Response | None = None
        self._parts: Iterator[bytes] = iter(())

    def answered(self, effect: Effect) -> tuple[Any, Exception | None]:
        """The result of an effect, or the failure that it raised."""
        try:
            return self._perform(effect), None
        except BROKEN as error:
            return None, failure_of(error)
        except Exception as error:
            return None, error

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
        self._response, self._parts = None, iter(())

    def _perform(self, effect: Effect) -> Any:
        if isinstance(effect, Open):
            self.close()
            body = effect.request.body
            content = None if body is None else body.chunks()
            request = self._http.build_request(**self._address.arguments(effect), content=content)
            self._response = self._http.send(request, stream=True)
            self._parts = self._response.iter_bytes()
            return head_of(self._response)
        if isinstance(effect, Read):
            return next(self._parts, b"")
        if isinstance(effect, Sleep):
            return time.sleep(effect.seconds)
        if isinstance(effect, Run):
            return effect.function()
        assert isinstance(effect, Close)
        return self.close()
