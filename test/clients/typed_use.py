"""Calls for type checkers: only mypy reads this file, and every line with an ignore comment must be an error."""

from __future__ import annotations

from lora_squeeze import AsyncClient, Client, JobEvent, TenantEvent
from lora_squeeze.contract import EventJob, Job, JobProgress, ProgressEvent


def calls(service: Client) -> None:
    job = service.jobs.create(kind="squeeze", adapter_id="ad_1", targets=[{"rank": 2}, {"energy": 0.9}], dry_run=True)
    ranks = [target["rank"]["max"] for target in job["forecast"]["targets"] if target["rank"] is not None]
    assert ranks == [2]
    service.jobs.run(kind="import", source="hf://team/adapter", idempotency_key="a-key", timeout_seconds=5)
    service.jobs.create(kind="merge", sources=[{"adapter_id": "ad_1", "weight": 0.5}], targets=[{"rank": 2}])
    service.jobs.create(kind="squeeze", adapter_id="ad_1")  # type: ignore[call-overload]
    service.jobs.create(kind="squeeze", adapter_id="ad_1", targets=[{"rank": "two"}])  # type: ignore[call-overload]
    service.jobs.create(kind="analyze", adapter_id="ad_1", colour="red")  # type: ignore[call-overload]
    service.squeeze("folder", 4, format="gguf", format_options={"architecture": "llama"}, priority="low")
    service.squeeze("folder", colour="red")  # type: ignore[call-arg]
    service.squeeze({"kind": "s3", "bucket": "models", "prefix": "in"}, rank=2, deliver="s3://models/out")
    target = service.analyze("ad_1")["analysis"]
    assert target is None or target["uniform"]["target"]["rank"] > 0
    service.connections.create(kind="s3", name="models", prefixes=["s3://models"], ambient=True)
    service.connections.create(kind="hub", name="team", prefixes=["hf://team"], region="x")  # type: ignore[call-overload]
    service.connections.update("models", endpoint=None)
    service.adapters.update("ad_1", colour="red")  # type: ignore[call-arg]
    run = service.runs.create(schedule={"source_rank": 8, "target_rank": 2, "total_steps": 1000}, dry_run=True)
    service.runs.plan(source_rank=8)  # type: ignore[call-arg]
    assert run["rank"]["max"] + service.capabilities()["limits"]["targets"]
    assert [artifact["path"] for artifact in service.jobs.artifacts("job_1")]


def of_job(event: JobEvent) -> Job | JobProgress:
    if event.type == "state":
        job: Job = event.data
        return job
    progress: JobProgress = event.data
    return progress


def of_tenant(event: TenantEvent) -> EventJob | ProgressEvent | None:
    if event.type == "job.progress":
        return event.data
    if event.type == "batch.ended":
        assert event.data["data"]["batch"]["counts"]["failed"] == 0
        return None
    if event.type == "stream.open" or event.type == "stream.gap":
        return None
    return event.data["data"]["job"]


async def without_blocking(service: AsyncClient) -> None:
    async for event in service.jobs.events("job_1"):
        of_job(event)
    await service.jobs.create(kind="analyze", adapter_id="ad_1")
    await service.jobs.create(kind="analyze", targets=[])  # type: ignore[call-overload]
