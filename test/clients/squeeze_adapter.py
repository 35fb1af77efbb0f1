"""Squeezes an adapter in every way the client knows: python squeeze_adapter.py URL ADAPTER_DIR OUT_DIR [API_KEY]"""

import json
import sys

from lora_squeeze import LoraSqueeze

url, adapter_dir, out_dir, api_key = [*sys.argv[1:], None][:4]
service = LoraSqueeze(url, api_key=api_key, timeout_seconds=60)
first, again = service.upload(adapter_dir), service.upload(adapter_dir)
by_folder = service.squeeze(adapter_dir, rank=2, out=f"{out_dir}/rank-2", options={"method": "exact"})
named = {"name": "{source} by name", "labels": {"team": "search"}, "ttl_seconds": 3600}
by_id = service.squeeze(first["id"], energy=0.9, scale="keep", options={"method": "exact"}, results=named)
print(json.dumps({"uploads": [first, again], "by_folder": by_folder, "by_id": by_id}))
