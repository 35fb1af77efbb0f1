# Written from aio/tenants.py by write_sync.py: change that.
"""Tenants, for administrators: their settings, limits and usage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from lora_squeeze.contract import (
    Tenant,
    TenantCancellation,
    TenantRequest,
    TenantSummary,
    TenantWithUsage,
)
from lora_squeeze.core.pages import items
from lora_squeeze.core.request import path_of
from lora_squeeze.sync.resource import Resource

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Tenants"]


class Tenants(Resource):
    def list(self, *, page_size: int | None = None) -> Iterator[TenantSummary]:
        """Iterates over all tenants, with their records and waiting jobs."""
        return self._client.iterate(items(self._service, "/v1/tenants", {"limit": page_size}))

    def get(self, tenant_id: str) -> TenantWithUsage:
        """The tenant, and its usage."""
        return cast(TenantWithUsage, self._json("GET", path_of("v1", "tenants", tenant_id)))

    def put(self, tenant_id: str, **settings: Unpack[TenantRequest]) -> Tenant:
        """Creates a tenant, or replaces its settings: absent ones get their defaults."""
        return cast(Tenant, self._json("PUT", path_of("v1", "tenants", tenant_id), settings))

    def suspend(self, tenant_id: str) -> Tenant:
        """No waiting job starts and no new one is accepted, until resume."""
        return cast(Tenant, self._json("POST", path_of("v1", "tenants", tenant_id, "suspend")))

    def resume(self, tenant_id: str) -> Tenant:
        """Waiting jobs start again, in their order."""
        return cast(Tenant, self._json("POST", path_of("v1", "tenants", tenant_id, "resume")))

    def cancel(self, tenant_id: str) -> TenantCancellation:
        """Cancels every unfinished job and batch of a tenant."""
        return cast(TenantCancellation, self._json("POST", path_of("v1", "tenants", tenant_id, "cancel")))

    def delete(self, tenant_id: str) -> Tenant:
        """Deletes a tenant with all its data; this cannot be undone."""
        return cast(Tenant, self._json("DELETE", path_of("v1", "tenants", tenant_id)))
