"""Tenants, for administrators: their settings, limits and usage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, cast

from lora_squeeze.aio.resource import Resource
from lora_squeeze.contract import (
    Tenant,
    TenantCancellation,
    TenantRequest,
    TenantSummary,
    TenantWithUsage,
)
from lora_squeeze.core.pages import items
from lora_squeeze.core.request import path_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Tenants"]


class Tenants(Resource):
    def list(self, *, page_size: int | None = None) -> AsyncIterator[TenantSummary]:
        """Iterates over all tenants, with their records and waiting jobs."""
        return self._client.iterate(items(self._service, "/v1/tenants", {"limit": page_size}))

    async def get(self, tenant_id: str) -> TenantWithUsage:
        """The tenant, and its usage."""
        return cast(TenantWithUsage, await self._json("GET", path_of("v1", "tenants", tenant_id)))

    async def put(self, tenant_id: str, **settings: Unpack[TenantRequest]) -> Tenant:
        """Creates a tenant, or replaces its settings: absent ones get their defaults."""
        return cast(Tenant, await self._json("PUT", path_of("v1", "tenants", tenant_id), settings))

    async def suspend(self, tenant_id: str) -> Tenant:
        """No waiting job starts and no new one is accepted, until resume."""
        return cast(Tenant, await self._json("POST", path_of("v1", "tenants", tenant_id, "suspend")))

    async def resume(self, tenant_id: str) -> Tenant:
        """Waiting jobs start again, in their order."""
        return cast(Tenant, await self._json("POST", path_of("v1", "tenants", tenant_id, "resume")))

    async def cancel(self, tenant_id: str) -> TenantCancellation:
        """Cancels every unfinished job and batch of a tenant."""
        return cast(TenantCancellation, await self._json("POST", path_of("v1", "tenants", tenant_id, "cancel")))

    async def delete(self, tenant_id: str) -> Tenant:
        """Deletes a tenant with all its data; this cannot be undone."""
        return cast(Tenant, await self._json("DELETE", path_of("v1", "tenants", tenant_id)))
