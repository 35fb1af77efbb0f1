"""Makes, changes and removes a connection: python connections.py KIND URL"""

import json
import sys

from both import client

from lora_squeeze import SqueezeError

kind, url = sys.argv[1:]
service = client(kind, url, timeout_seconds=30)
request = {"kind": "hub", "name": "team", "prefixes": ["hf://team"], "credentials": {"token": "hf_example"}}
made = service.connections.create(request)
listed = [each["name"] for each in service.connections.list()]
changes = {"prefixes": ["hf://team/adapters"]}
changed = service.connections.update("team", {**changes, "credentials": request["credentials"]})
service.connections.delete("team")
codes = []
for call in (lambda: service.connections.get("team"), lambda: service.squeeze("s3://nowhere/x", rank=2)):
    try:
        call()
    except SqueezeError as error:
        codes.append(error.code)
print(json.dumps({"made": made, "listed": listed, "changed": changed, "codes": codes}))
