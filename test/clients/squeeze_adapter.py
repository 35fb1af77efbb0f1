"""Squeezes an adapter in every way that the client offers:
python squeeze_adapter.py KIND URL ADAPTER_DIR OUT_DIR [API_KEY]"""

import json
import os
import sys

from both import client

from lora_squeeze import CONFIG, WEIGHTS

kind, url, adapter_dir, out_dir, api_key = [*sys.argv[1:], None][:5]
EXACT = {"method": "exact"}
service = client(kind, url, api_key, timeout_seconds=60)
first, again = service.upload(adapter_dir), service.upload(adapter_dir, labels={"team": "search"}, name="again")
seen = []
by_folder = service.squeeze(adapter_dir, rank=2, out=f"{out_dir}/rank-2", options=EXACT, progress=seen.append)
named = {"name": "{source} by name", "labels": {"team": "search"}, "ttl_seconds": 3600}
by_id = service.squeeze(first["id"], energy=0.9, scale="keep", options=EXACT, results=named)
with open(os.path.join(adapter_dir, WEIGHTS), "rb") as file, open(os.path.join(adapter_dir, CONFIG), "rb") as config:
    from_bytes = service.upload(file.read(), config=json.load(config))
merged = service.merge([adapter_dir, first["id"]], rank=4, weights=[0.5, 0.5], options=EXACT)
report = service.analyze(os.path.join(adapter_dir, WEIGHTS))
print(
    json.dumps(
        {
            "uploads": [first, again, from_bytes],
            "by_folder": by_folder,
            "by_id": by_id,
            "merged": merged,
            "analyzed": report["kind"],
            "phases": list(dict.fromkeys(progress.phase for progress in seen)),
            "uploaded": max(progress.done for progress in seen if progress.phase == "upload"),
        }
    )
)
