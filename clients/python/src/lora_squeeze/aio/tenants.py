"""Tenants, for administrators: who has things there, what they may use, and what is done about it."""

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
        """Goes over all tenants, with what they have and wait for."""
        return self._client.iterate(items(self._service, "/v1/tenants", {"limit": page_size}))

    async def get(self, tenant_id: str) -> TenantWithUsage:
        """The tenant, and what it uses."""
        return cast(TenantWithUsage, await self._json("GET", path_of("v1", "tenants", tenant_id)))

    async def put(self, tenant_id: str, **settings: Unpack[TenantRequest]) -> Tenant:
        """Makes a tenant, or sets all that is set for it: what is left out goes back to the default."""
        return cast(Tenant, await self._json("PUT", path_of("v1", "tenants", tenant_id), settings))

    async def suspend(self, tenant_id: str) -> Tenant:
        """Nothing that waits begins and nothing new is taken, until resume."""
        return cast(Tenant, await self._json("POST", path_of("v1", "tenants", tenant_id, "suspend")))

    async def resume(self, tenant_id: str) -> Tenant:
        """What waited begins again, in its order."""
        return cast(Tenant, await self._json("POST", path_of("v1", "tenants", tenant_id, "resume")))

    async def cancel(self, tenant_id: str) -> TenantCancellation:
        """Cancels every unfinished job and batch of a tenant."""
        return cast(TenantCancellation, await self._json("POST", path_of("v1", "tenants", tenant_id, "cancel")))

    async def delete(self, tenant_id: str) -> Tenant:
        """Deletes a tenant with all it has; there is no way back."""
        return cast(Tenant, await self._json("DELETE", path_of("v1", "tenants", tenant_id)))
