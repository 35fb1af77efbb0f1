"""Watches all jobs of a label over a connection that breaks, and creates one meanwhile:
python tenant_events.py KIND URL ADAPTER_DIR"""

import json
import sys

from both import client

kind, url, adapter_dir = sys.argv[1:]
service = client(kind, url, timeout_seconds=60)
adapter = service.upload(adapter_dir)
seen, job = [], None
for event in service.events(label={"watched": "yes"}, types=["job.queued", "job.succeeded"]):
    seen.append([event.type, event.id, event.data["data"].get("job", {}).get("id")])
    if job is None:
        request = {"kind": "analyze", "adapter_id": adapter["id"], "labels": {"watched": "yes"}, "reuse": False}
        job = service.jobs.create(**request)
        service.jobs.create(**{**request, "labels": {}})
    if event.type == "job.succeeded":
        break
print(json.dumps({"seen": seen, "job": job["id"]}))
