"""What Airflow does with the operator of the example: python run_airflow.py ADAPTER_ID RANK…"""

import asyncio
import importlib
import json
import sys
from types import SimpleNamespace

from airflow.exceptions import AirflowException, TaskDeferred
from airflow_squeeze import SqueezeOperator

adapter_id, *ranks = sys.argv[1:]
context = {"ti": SimpleNamespace(dag_id="d", run_id="r", task_id="squeeze", map_index=-1, try_number=1)}


def ended(targets, try_number):
    context["ti"].try_number = try_number
    request = {"kind": "squeeze", "adapter_id": adapter_id, "targets": targets}
    operator = SqueezeOperator(task_id="squeeze", request=request)
    try:
        operator.execute(context)
    except TaskDeferred as deferred:
        # The triggerer is another process: it creates the trigger again from its name and arguments.
        path, arguments = json.loads(json.dumps(deferred.trigger.serialize()))
        module, _, name = path.rpartition(".")
        trigger = getattr(importlib.import_module(module), name)(**arguments)

        async def first():
            async for event in trigger.run():
                return event.payload

        return getattr(operator, deferred.method_name)(context, asyncio.run(first()))


squeezed = ended([{"rank": int(rank)} for rank in ranks], 1)
try:
    ended([{"budget_bytes": 1}], 2)
    failed = None
except AirflowException as error:
    failed = str(error)
print(json.dumps({"squeezed": squeezed, "failed": failed}))
