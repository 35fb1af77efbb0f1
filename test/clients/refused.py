"""What the client raises: python refused.py URL ADAPTER_DIR FOLDER_THAT_IS_NO_ADAPTER CLOSED_PORT_URL"""

import json
import sys

from lora_squeeze import LoraSqueeze, SqueezeError

url, adapter_dir, broken_dir, closed_url = sys.argv[1:]
service = LoraSqueeze(url, timeout_seconds=30)


def refusal(call):
    try:
        call()
    except SqueezeError as error:
        return {"code": error.code, "detail": error.detail, "status": error.status}
    except Exception as error:
        return {"type": type(error).__name__}
    return None


def partial():
    """Of two targets one fails: no error, but told in its result."""
    adapter_id = service.upload(adapter_dir)["id"]
    job = service.job(kind="squeeze", adapter_id=adapter_id, targets=[{"rank": 2}, {"budget_bytes": 1}])
    return {"state": job["state"], "codes": [result.get("error", {}).get("code") for result in job["results"]]}


print(
    json.dumps(
        {
            "unknown_option": refusal(lambda: service.squeeze(adapter_dir, rank=2, colour="red")),
            "unknown_adapter": refusal(lambda: service.squeeze("ad_nothing", rank=2)),
            "broken_upload": refusal(lambda: service.upload(broken_dir)),
            "partial_job": partial(),
            "failed_job": refusal(lambda: service.squeeze(adapter_dir, budget_bytes=1)),
            "unknown_file": refusal(lambda: service.download("/v1/adapters/ad_nothing/files/x", f"{broken_dir}/x")),
            "nobody_there": refusal(lambda: LoraSqueeze(closed_url, timeout_seconds=1).get("/readyz")),
            "no_url": refusal(lambda: LoraSqueeze("127.0.0.1:8080")),
        }
    )
)
