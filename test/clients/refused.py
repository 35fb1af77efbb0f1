"""What the client raises: python refused.py KIND URL ADAPTER_DIR FOLDER_WITHOUT_ADAPTER CLOSED_PORT_URL"""

import json
import os
import pickle
import sys
import tempfile

from both import client

from lora_squeeze import SqueezeError

kind, url, adapter_dir, broken_dir, closed_url = sys.argv[1:]
service = client(kind, url, timeout_seconds=30)


def refusal(call):
    try:
        call()
    except SqueezeError as error:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.code, again.status) == (type(error), error.code, error.status)
        kept = {name: getattr(error, name) for name in ("code", "detail", "status", "retryable")}
        return {"type": type(error).__name__, "errors": len(error.errors), **kept}
    except Exception as error:
        return {"type": type(error).__name__}
    return None


def partial():
    """One of two targets fails: the call raises no error, but the result of the target has one."""
    adapter_id = service.upload(adapter_dir)["id"]
    targets = [{"rank": 2}, {"budget_bytes": 1}]
    job = service.jobs.run(kind="squeeze", adapter_id=adapter_id, targets=targets)
    return {"state": job["state"], "codes": [result.get("error", {}).get("code") for result in job["results"]]}


def too_slow():
    """A job that has not ended at the deadline: behind enough others, and with a deadline of zero."""
    adapter_id = service.upload(adapter_dir)["id"]
    request = {"kind": "squeeze", "adapter_id": adapter_id, "targets": [{"rank": 3}], "reuse": False}
    jobs = [service.jobs.create(**request) for _ in range(4)]
    service.jobs.wait(jobs[-1]["id"], timeout_seconds=0)


with tempfile.TemporaryDirectory() as folder:
    answers = {
        "unknown_option": refusal(lambda: service.squeeze(adapter_dir, rank=2, colour="red")),
        "unknown_adapter": refusal(lambda: service.squeeze("ad_nothing", rank=2)),
        "broken_upload": refusal(lambda: service.upload(broken_dir)),
        "partial_job": partial(),
        "failed_job": refusal(lambda: service.squeeze(adapter_dir, budget_bytes=1)),
        "unknown_file": refusal(lambda: service.download("ad_nothing", folder)),
        "too_slow": refusal(too_slow),
        "no_such_folder": refusal(lambda: service.squeeze("no/such/folder", rank=2)),
        "no_weights": refusal(lambda: service.upload(folder)),
        "nobody_there": refusal(lambda: client(kind, closed_url, timeout_seconds=1).capabilities()),
        "no_url": refusal(lambda: client(kind, "127.0.0.1:8080")),
    }
    left = os.listdir(folder)
print(json.dumps({**answers, "left": left}))
