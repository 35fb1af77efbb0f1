"""What both drivers share: how requests are built for httpx, and what its errors mean."""

from __future__ import annotations

import os
import re
import ssl
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from lora_squeeze.core.effects import Head, Open, TransportFailure
from lora_squeeze.version import __version__

__all__ = ["BROKEN", "Address", "failure_of", "head_of"]

CONNECT_SECONDS = 15.0
#: The exceptions that httpx raises if there is no response.
BROKEN = (httpx.TransportError, httpx.DecodingError, httpx.StreamError)
#: Paths of calls on a tenant's records; calls on tenants and workers concern the whole service.
OF_TENANT = re.compile(r"/v1/(?!(?:tenants|workers)(?:[/?]|$))")


class Address:
    """The URL of a service, the tenant on whose records calls act, and the headers of each request."""

    def __init__(self, url: str | None, api_key: str | Callable[[], str] | None, tenant: str | None = None) -> None:
        url = url or os.environ.get("LORA_SQUEEZE_URL")
        if not url:
            raise ValueError("the url of the service is needed: pass it, or set LORA_SQUEEZE_URL")
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the url of the service must be http:// or https:// with a host, not {url!r}")
        self.url = url.rstrip("/")
        self.headers = {"user-agent": f"lora-squeeze-python/{__version__}"}
        self._tenant = tenant
        self._key = api_key or os.environ.get("LORA_SQUEEZE_KEY")

    def arguments(self, opening: Open) -> dict[str, Any]:
        """The arguments for httpx's build_request, except for the body."""
        request, silence = opening.request, opening.silence_seconds
        headers = {**self.headers, **self._authorization(), **request.headers}
        if request.body is not None:
            headers.update({"content-type": request.body.content_type, "content-length": str(request.body.length)})
        elif request.method in ("POST", "PATCH", "PUT"):
            headers["content-length"] = "0"
        timeout = httpx.Timeout(silence, connect=min(CONNECT_SECONDS, silence))
        return {"method": request.method, "url": self.url + self._named(request.path), "headers": headers, "timeout": timeout}

    def _named(self, path: str) -> str:
        """The path with the tenant in its query, unless it already names one."""
        query = urllib.parse.urlsplit(path).query
        if self._tenant is None or not OF_TENANT.match(path) or "tenant" in urllib.parse.parse_qs(query):
            return path
        return f"{path}{'&' if query else '?'}{urllib.parse.urlencode({'tenant': self._tenant})}"

    def _authorization(self) -> dict[str, str]:
        # Read for each request, because a token that is renewed may only be valid for minutes.
        key = self._key() if callable(self._key) else self._key
        return {"authorization": f"Bearer {key}"} if key else {}


def head_of(response: httpx.Response) -> Head:
    headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
    return Head(response.status_code, headers)


def failure_of(error: Exception) -> TransportFailure:
    cause: BaseException | None = error
    is_permanent = isinstance(error, httpx.UnsupportedProtocol)
    while cause is not None:
        is_permanent = is_permanent or isinstance(cause, ssl.SSLCertVerificationError)
        cause = cause.__cause__ or cause.__context__
    return TransportFailure(f"{type(error).__name__}: {error}".rstrip(": "), is_permanent)
