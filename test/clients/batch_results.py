"""Follows a batch and reads its results: python batch_results.py KIND URL BATCH ARCHIVE"""

import json
import sys

from both import client

kind, url, batch_id, archive = sys.argv[1:]
service = client(kind, url)
events = [(event.id, event.type) for event in service.batches.events(batch_id)]
lines = [[line["index"], line["state"]] for line in service.batches.results(batch_id)]
service.batches.download(batch_id, archive)
print(json.dumps({"events": events, "lines": lines}))
