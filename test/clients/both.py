"""One script for both clients: client("blocking", URL) or client("async", URL), which is called in the same way."""

import asyncio
import inspect

from lora_squeeze import AsyncClient, Client
from lora_squeeze.aio.resource import Resource


def client(kind, url, api_key=None, **options):
    if kind == "blocking":
        return Client(url, api_key, **options)
    loop = asyncio.new_event_loop()
    return Awaited(AsyncClient(url, api_key, **options), loop)


class Awaited:
    """An AsyncClient, or a part of it, whose calls block until they have ended."""

    def __init__(self, target, loop):
        self._target, self._loop = target, loop

    def __getattr__(self, name):
        value = getattr(self._target, name)
        if isinstance(value, Resource):
            return Awaited(value, self._loop)
        return self._awaited(value) if callable(value) else value

    def _awaited(self, function):
        def call(*args, **options):
            came = function(*args, **options)
            if isinstance(came, AsyncClient):
                return Awaited(came, self._loop)
            if inspect.isawaitable(came):
                return self._loop.run_until_complete(came)
            return self._each(came)

        return call

    def _each(self, values):
        try:
            while True:
                try:
                    yield self._loop.run_until_complete(values.__anext__())
                except StopAsyncIteration:
                    return
        finally:
            self._loop.run_until_complete(values.aclose())
