"""Whether an error means that the service is away for now, not that it refused."""

from __future__ import annotations

import errno
import http.client
import socket

from lora_squeeze.client import SqueezeError

__all__ = ["ERRORS", "is_away"]

#: What a call of LoraSqueeze raises when it gives up.
ERRORS = (SqueezeError, OSError, http.client.HTTPException)
_STATUSES = (429, 502, 503, 504)
_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)


def is_away(error: BaseException) -> bool:
    """A job that takes longer than the client waits counts too."""
    if isinstance(error, SqueezeError):
        return error.status in _STATUSES or error.code == "CHECKPOINT_PENDING"
    if isinstance(error, (ConnectionError, TimeoutError, socket.gaierror, http.client.HTTPException)):
        return True
    return isinstance(error, OSError) and error.errno in _UNREACHABLE
