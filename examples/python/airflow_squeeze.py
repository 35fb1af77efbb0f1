"""An operator for Airflow (2.7 and later) that squeezes without occupying a worker: it creates the job, and the triggerer, which
can wait for hundreds of jobs in one process, waits for it.

    SqueezeOperator(task_id="squeeze", request={"kind": "squeeze", "source": "s3://models/in/x", "targets": [{"rank": 16}]})

In Airflow, the connection "lora_squeeze" has the address of the service as its host and the key as its password.
"""

from collections.abc import AsyncIterator
from typing import Any

from airflow.exceptions import AirflowException
from airflow.hooks.base import BaseHook
from airflow.models import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent

from lora_squeeze import AsyncClient, Client
from lora_squeeze.contract import JobRequest


class SqueezeTrigger(BaseTrigger):
    """Waits for a job. A trigger is stored without the key; the process that runs it reads the connection again."""

    def __init__(self, job_id: str, connection_id: str) -> None:
        super().__init__()
        self.job_id, self.connection_id = job_id, connection_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "airflow_squeeze.SqueezeTrigger", {"job_id": self.job_id, "connection_id": self.connection_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        connection = BaseHook.get_connection(self.connection_id)
        # The task's own timeout ends the wait.
        async with AsyncClient(connection.host, connection.password, timeout_seconds=None) as service:
            job = await service.jobs.wait(self.job_id)
        yield TriggerEvent({"job_id": job["id"], "state": job["state"], "error": job["error"]})


class SqueezeOperator(BaseOperator):
    """Squeezes, and returns the ids of the adapters, one for each target."""

    template_fields = ("request",)

    def __init__(self, *, request: JobRequest, connection_id: str = "lora_squeeze", **options: Any) -> None:
        super().__init__(**options)
        self.request, self.connection_id = request, connection_id

    def execute(self, context: Any) -> None:
        connection = BaseHook.get_connection(self.connection_id)
        # A request that was lost is repeated with the same key; after a failure, Airflow's next try has another key.
        task = context["ti"]
        key = f"{task.dag_id}/{task.run_id}/{task.task_id}/{task.map_index}/{task.try_number}"
        with Client(connection.host, connection.password) as service:
            job = service.jobs.create(**self.request, idempotency_key=key)
        self.defer(trigger=SqueezeTrigger(job["id"], self.connection_id), method_name="ended")

    def ended(self, context: Any, event: dict[str, Any]) -> list[str]:
        if event["state"] != "succeeded":
            raise AirflowException(f"job {event['job_id']} {event['state']}: {event['error']}")
        connection = BaseHook.get_connection(self.connection_id)
        with Client(connection.host, connection.password) as service:
            return [result["adapter_id"] for result in service.jobs.get(event["job_id"])["results"]]
