"""Runs steps on an event loop (asyncio or trio). Files are read and written in a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar, cast

import anyio
import anyio.to_thread
import httpx

from lora_squeeze.core.effects import Close, Done, Effect, Emit, Open, Read, Run, Sleep, Steps, advance
from lora_squeeze.core.request import Body
from lora_squeeze.core.transport import BROKEN, Address, failure_of, head_of

__all__ = ["Transport"]

T = TypeVar("T")


class Transport:
    """http: the httpx client whose connections are used."""

    def __init__(self, address: Address, http: httpx.AsyncClient) -> None:
        self._address, self._http = address, http

    async def run(self, steps: Steps[T]) -> T:
        exchange = _Exchange(self._address, self._http)
        try:
            effect = advance(steps, None, None)
            while not isinstance(effect, Done):
                effect = advance(steps, *(await exchange.answered(effect)))
            return cast(T, effect.value)
        finally:
            steps.close()
            await exchange.close()

    async def iterate(self, steps: Steps[None]) -> AsyncIterator[Any]:
        """The values that the steps emit."""
        exchange = _Exchange(self._address, self._http)
        try:
            effect = advance(steps, None, None)
            while not isinstance(effect, Done):
                if isinstance(effect, Emit):
                    yield effect.value
                    effect = advance(steps, None, None)
                else:
                    effect = advance(steps, *(await exchange.answered(effect)))
        finally:
            steps.close()
            await exchange.close()


class _Exchange:
    """The response that is currently open, if any."""

    def __init__(self, address: Address, http: httpx.AsyncClient) -> None:
        self._address, self._http = address, http
        self._response: httpx.Response | None = None
        self._parts: AsyncIterator[bytes] | None = None

    async def answered(self, effect: Effect) -> tuple[Any, Exception | None]:
        """The result of an effect, or the failure that it raised."""
        try:
            return await self._perform(effect), None
        except BROKEN as error:
            return None, failure_of(error)
        except Exception as error:
            return None, error

    async def close(self) -> None:
        response, self._response, self._parts = self._response, None, None
        if response is not None:
            # Also if the task was cancelled; otherwise the connection would stay in use.
            with anyio.CancelScope(shield=True):
                await response.aclose()

    async def _perform(self, effect: Effect) -> Any:
        if isinstance(effect, Open):
            await self.close()
            body = effect.request.body
            content = None if body is None else _read_in_thread(body)
            request = self._http.build_request(**self._address.arguments(effect), content=content)
            self._response = await self._http.send(request, stream=True)
            self._parts = self._response.aiter_bytes()
            return head_of(self._response)
        if isinstance(effect, Read):
            return b"" if self._parts is None else await _next(self._parts)
        if isinstance(effect, Sleep):
            return await anyio.sleep(effect.seconds)
        if isinstance(effect, Run):
            return await anyio.to_thread.run_sync(effect.function)
        assert isinstance(effect, Close)
        return await self.close()


async def _next(parts: AsyncIterator[bytes]) -> bytes:
    try:
        return await parts.__anext__()
    except StopAsyncIteration:
        return b""


async def _read_in_thread(body: Body) -> AsyncIterator[bytes]:
    chunks: Iterator[bytes] = body.chunks()
    while chunk := await anyio.to_thread.run_sync(lambda: next(chunks, b"")):
        yield chunk
