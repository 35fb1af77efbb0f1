"""Continues transfers after connections broke: python over_rough_line.py KIND URL ADAPTER_DIR OUT_DIR"""

import json
import os
import sys

from both import client

from lora_squeeze import DigestError

kind, url, adapter_dir, out_dir = sys.argv[1:]
service = client(kind, url, timeout_seconds=60)
sent = []
uploaded = service.adapters.upload(adapter_dir, resumable_bytes=1, progress=sent.append, labels={"sent": "in-pieces"})
request = {"kind": "squeeze", "adapter_id": uploaded["id"], "targets": [{"rank": 2}], "reuse": False}
job = service.jobs.create(**request)
events = [[event.type, event.data.get("state"), event.id] for event in service.jobs.events(job["id"])]
result = service.jobs.get(job["id"])["results"][0]
files = service.download(result["adapter_id"], f"{out_dir}/whole")
try:
    service.download(result["adapter_id"], f"{out_dir}/spoiled")
    spoiled = None
except DigestError as error:
    spoiled = {"code": error.code, "retryable": error.retryable}
print(
    json.dumps(
        {
            "uploaded": uploaded,
            "sent": [progress.done for progress in sent],
            "jobs": [each["id"] for each in service.jobs.list(adapter_id=uploaded["id"])],
            "job": job["id"],
            "events": events,
            "files": [os.path.relpath(file, out_dir) for file in files],
            "spoiled": spoiled,
            "left": os.listdir(f"{out_dir}/spoiled"),
        }
    )
)
