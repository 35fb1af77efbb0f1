"""Calls a service twice, each time with another key: python renewed_token.py KIND URL"""

import itertools
import json
import sys

from both import client

kind, url = sys.argv[1:]
numbers = itertools.count(1)
service = client(kind, url, lambda: f"token-{next(numbers)}", timeout_seconds=60)
versions = [service.capabilities()["version"] for _ in range(2)]
print(json.dumps(versions))
