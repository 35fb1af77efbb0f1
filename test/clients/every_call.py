"""Calls everything that a client has: python every_call.py KIND URL KEY ADAPTER_DIR OUT_DIR S3_URL BUCKET

Prints what came of it, and which public calls were not made.
"""

import inspect
import json
import os
import shutil
import sys
import zipfile
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from both import client

from lora_squeeze import CONFIG, WEIGHTS, Client, SqueezeError
from lora_squeeze.sync.resource import Resource

kind, url, admin_key, adapter_dir, out_dir, s3_url, bucket = sys.argv[1:]
made = set()


class Witness:
    """A client, or a part of it, that records which calls are made."""

    def __init__(self, target, name=""):
        self._target, self._name = target, name

    def __getattr__(self, name):
        value = getattr(self._target, name)
        full = f"{self._name}.{name}".lstrip(".")
        if full in PARTS:
            return Witness(value, full)
        made.add(full)
        return value


def public(owner, prefix=""):
    return {
        f"{prefix}{name}"
        for name, value in inspect.getmembers(owner)
        if not name.startswith("_") and (inspect.isfunction(value) or inspect.ismethod(value))
    }


nobody = Client("http://127.0.0.1:9")
PARTS = {name: part for name, part in vars(nobody).items() if isinstance(part, Resource)}
#: Batches have a test of their own; these methods make other calls.
calls = public(Client) - {"run", "iterate"}
calls |= {call for name, part in PARTS.items() if name != "batches" for call in public(part, f"{name}.")}

service = Witness(client(kind, url, admin_key, timeout_seconds=120))
out = {}


def code_of(call):
    try:
        call()
    except SqueezeError as error:
        return error.code
    return None


def files_in(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


# Adapters
adapter = service.adapters.upload(adapter_dir, name="whole", labels={"of": kind}, ttl_seconds=86_400)
other = service.upload(adapter_dir, name="other")
assert service.adapters.get(adapter["id"]) == {name: value for name, value in adapter.items() if name != "content_known"}
changed = service.adapters.update(adapter["id"], name="renamed", ttl_seconds=None)
out["changed"] = [changed["name"], changed["expires_at"], changed["labels"]]
out["modules"] = len(service.adapters.modules(adapter["id"])["modules"])
out["listed"] = [each["id"] for each in service.adapters.list(label={"of": kind}, format="peft", page_size=1)] == [adapter["id"]]
with open(os.path.join(adapter_dir, CONFIG), "rb") as file:
    out["file_is_the_same"] = service.adapters.file(adapter["id"], CONFIG) == file.read()
service.adapters.download(adapter["id"], f"{out_dir}/adapter")
service.download(other["id"], f"{out_dir}/other")
out["adapter_files"] = [files_in(f"{out_dir}/adapter"), files_in(f"{out_dir}/other")]
service.adapters.download_archive(adapter["id"], f"{out_dir}/adapter.zip")
out["archive"] = sorted(os.path.basename(name) for name in zipfile.ZipFile(f"{out_dir}/adapter.zip").namelist())
licensed = shutil.copytree(adapter_dir, f"{out_dir}/licensed")
with open(f"{licensed}/README.md", "w") as file:
    file.write("---\nlicense: mit\n---\n")
out["license"] = service.adapters.upload(licensed)["license"]
service.adapters.delete(other["id"])
out["deleted"] = code_of(lambda: service.adapters.get(other["id"]))

# Forecasts of jobs
asked = {"kind": "squeeze", "adapter_id": adapter["id"], "targets": [{"rank": 2}, {"rank": 4}], "labels": {"of": kind}}
forecasts = [service.jobs.create(**asked, dry_run=True), service.jobs.run(**asked, dry_run=True)]
out["forecasts"] = [[each["id"], [target["rank"] for target in each["forecast"]["targets"]]] for each in forecasts]
out["refused_when_dry"] = code_of(lambda: service.jobs.create(**{**asked, "targets": [{"rank": 0}]}, dry_run=True))
out["none_yet"] = [each["id"] for each in service.jobs.list(label={"of": kind})]

# Jobs and their files
job = service.jobs.create(**asked, idempotency_key=f"key of {adapter['id']}", priority="high")
assert service.jobs.create(**asked, idempotency_key=f"key of {adapter['id']}", priority="high")["id"] == job["id"]
events = list(service.jobs.events(job["id"]))
out["events"] = [sorted({event.type for event in events} - {"progress"}), events[-1].data["state"]]
job = service.jobs.wait(job["id"])
assert service.jobs.get(job["id"]) == job
out["bytes_as_forecast"] = [target["bytes"] for target in forecasts[0]["forecast"]["targets"]] == [
    result["bytes"] for result in job["results"]
]
out["labels"] = service.jobs.update(job["id"], labels={"of": kind, "kept": "yes"})["labels"]
out["report"] = service.jobs.report(job["id"])["kind"]
out["page"] = service.jobs.report_html(job["id"])[:15].lower()
out["drawing"] = service.jobs.report_svg(job["id"], figure="sizes")[:4]
out["picture"] = service.jobs.report_png(job["id"])[1:4].decode()
out["artifacts"] = [[each["path"], each["sha256"] is None] for each in service.jobs.artifacts(job["id"])]
saved = service.jobs.download_artifacts(job["id"], f"{out_dir}/all", progress=lambda _at: None)
out["saved"] = [sorted(os.path.relpath(path, f"{out_dir}/all") for path in saved), files_in(f"{out_dir}/all")]
service.jobs.download_artifacts(job["id"], f"{out_dir}/some", paths=["report.html"])
out["some"] = files_in(f"{out_dir}/some")
with open(f"{out_dir}/all/results/1/{CONFIG}", "rb") as file:
    assert service.jobs.artifact(job["id"], f"results/1/{CONFIG}") == file.read()
try:
    service.jobs.download_artifacts(job["id"], f"{out_dir}/none", paths=["results/2"])
except ValueError as error:
    out["no_such_artifact"] = "has no artifact results/2; it has report.json" in str(error)
service.jobs.download(job["id"], f"{out_dir}/results")
out["results"] = files_in(f"{out_dir}/results")
out["cannot_be_cancelled"] = code_of(lambda: service.jobs.cancel(job["id"]))
out["cannot_be_retried"] = code_of(lambda: service.jobs.retry(job["id"]))
service.jobs.delete(job["id"])
out["job_deleted"] = code_of(lambda: service.jobs.get(job["id"]))
#: It waits behind another job, so that it has not ended when it is cancelled.
busy = [service.jobs.create(**asked, reuse=False, priority="low") for _ in range(4)]
cancelled = service.jobs.cancel(busy[-1]["id"])
again = service.jobs.retry(cancelled["id"])
out["retried"] = [cancelled["state"], again["retry_of"] == cancelled["id"], service.jobs.wait(again["id"])["state"]]

# Several steps in one call
analysis = service.analyze(adapter["id"], labels={"of": kind}, priority="high")
target = analysis["analysis"]["uniform"]["target"]
service.squeeze(adapter["id"], **target, results={"name": "by analysis"}, ttl_seconds=86_400)
out["by_analysis"] = [each["name"] for each in service.adapters.list(name="by analysis", parent_id=adapter["id"])]
merged = service.merge([adapter["id"], adapter["id"]], 2, weights=[1, -0.5], dtype="float16", scale="fold")
out["merged"] = [merged["rank"], merged["target"]]

# Connections, and transfers through them
host = urlsplit(s3_url).netloc
credentials = {"access_key_id": "KEYID", "secret_access_key": "hush-hush"}
name, prefix = f"models-{kind}", f"s3://{bucket}/{kind}"
made_connection = service.connections.create(
    kind="s3", name=name, prefixes=[prefix], endpoint=s3_url, allowed_hosts=[host], credentials=credentials
)
hub = service.connections.create(kind="hub", name=f"team-{kind}", prefixes=["hf://team"])
out["connections"] = [each["name"] for each in service.connections.list(kind="s3", page_size=1)]
out["has_credentials"] = [made_connection["has_credentials"], hub["has_credentials"]]
assert service.connections.get(name) == made_connection
brought = service.squeeze(adapter["id"], rank=3, deliver={"to": f"{prefix}/out", "include": ["report"]})
back = service.squeeze(f"{prefix}/out", rank=2)
out["through"] = [brought["rank"], back["rank"]]
imported = service.jobs.run(kind="import", source=f"{prefix}/out", results={"name": "back"})
exported = service.jobs.run(kind="export", adapter_id=imported["imported"]["adapter_id"], to=f"{prefix}/there")
out["exported"] = exported["deliveries"][0]["state"]
service.connections.update(name, prefixes=[f"{prefix}/in"], credentials=credentials, description="narrow")
out["narrowed"] = code_of(lambda: service.squeeze(f"{prefix}/out", rank=2))
#: The bucket does not exist yet: the result exists nevertheless, and is delivered again later.
bucket = f"not-yet-{kind}"
service.connections.update(name, prefixes=[f"s3://{bucket}"], credentials=credentials)
late = service.jobs.run(kind="squeeze", adapter_id=adapter["id"], targets=[{"rank": 3}], deliver=f"s3://{bucket}/x")
urlopen(Request(f"{s3_url}/{bucket}", method="PUT")).close()
again = service.jobs.wait(service.jobs.retry_deliveries(late["id"])["id"])
out["late"] = [late["state"], *(each["deliveries"][0]["state"] for each in (late, again))]
for each in (made_connection, hub):
    service.connections.delete(each["name"])
out["connection_deleted"] = code_of(lambda: service.connections.get(name))
out["secret_shown"] = "hush-hush" in json.dumps([made_connection, list(service.connections.list())])

# Runs
schedule = {"source_rank": 8, "target_rank": 2, "total_steps": 1000}
plan = service.runs.plan(**schedule)
planned = service.runs.create(schedule=schedule, name=kind, dry_run=True)
run = service.runs.create(schedule=schedule, name=kind, idempotency_key=f"run of {adapter['id']}")
out["planned"] = [planned["id"], planned["schedule"] == plan == run["schedule"]]
step = run["next_checkpoint_step"]
files = [os.path.join(adapter_dir, name) for name in (WEIGHTS, CONFIG)]
checkpoint = service.runs.send_checkpoint(run["id"], step, *files, loss=0.5)
assert checkpoint["loss"] == 0.5
assert service.runs.get_checkpoint(run["id"], step) == checkpoint
service.runs.download(checkpoint, f"{out_dir}/checkpoint")
out["checkpoint"] = [checkpoint["rank_after"], files_in(f"{out_dir}/checkpoint")]
out["run"] = [len(service.runs.get(run["id"])["checkpoints"]), [each["id"] for each in service.runs.list(name=kind)] == [run["id"]]]
service.runs.delete(run["id"])
out["run_deleted"] = code_of(lambda: service.runs.get(run["id"]))

# The service
can = service.capabilities()
out["capabilities"] = [can["version"], "peft" in [each["name"] for each in can["formats"]], len(can["profiles"]) > 1]
out["usage"] = service.usage(days=1)["adapters"] > 0
out["webhooks"] = service.request("GET", "/v1/webhooks")["data"]
out["timeout"] = service.with_timeout(5).timeout_seconds
types = ["job.succeeded", "job.progress"]
labels = {"watched": kind}
for event in service.events(types=types, label=labels):
    if event.type == "stream.open":
        watched = service.jobs.create(kind="analyze", adapter_id=adapter["id"], labels=labels)
    elif event.type == "job.succeeded":
        out["event"] = [event.data["data"]["job"]["id"] == watched["id"], event.data["data"]["job"]["labels"]]
        break

# Tenants, and calls that act for one of them
team = f"team-{kind}"
of_team = client(kind, url, admin_key, tenant=team, timeout_seconds=120)
out["no_tenant_yet"] = code_of(of_team.usage)
made_tenant = service.tenants.put(team, weight=300, quotas={"max_running": 0})
out["tenant"] = [made_tenant["state"], made_tenant["weight"], made_tenant["quotas"]]
its_adapter = of_team.upload(adapter_dir)
out["not_ours"] = [code_of(lambda: service.adapters.get(its_adapter["id"])), code_of(lambda: of_team.adapters.get(adapter["id"]))]
waiting = of_team.jobs.create(kind="analyze", adapter_id=its_adapter["id"])
out["queued"] = [each["queued"] for each in service.tenants.list(page_size=1) if each["id"] == team]
out["suspended"] = [
    service.tenants.suspend(team)["state"],
    code_of(lambda: of_team.jobs.create(kind="analyze", adapter_id=its_adapter["id"])),
]
out["tenant_cancelled"] = [service.tenants.cancel(team), of_team.jobs.get(waiting["id"])["state"]]
out["resumed"] = service.tenants.resume(team)["state"]
service.tenants.put(team)
out["tenant_usage"] = [service.tenants.get(team)["usage"]["limits"]["max_running"], service.usage(tenant=team)["adapters"]]
of_team.squeeze(its_adapter["id"], rank=2, out=f"{out_dir}/of-team")
out["of_team"] = [
    files_in(f"{out_dir}/of-team"),
    [each["id"] for each in of_team.jobs.list(kind="analyze", page_size=1)] == [waiting["id"]],
    #: The tenant of a call takes precedence over that of the client, and calls about all tenants name none.
    of_team.usage()["adapters"] < of_team.usage(tenant="default")["adapters"],
    team in [each["id"] for each in of_team.tenants.list()],
    len(list(of_team.workers.list())),
]
new_key = of_team.request("POST", "/v1/keys", {"max_priority": "low"})
own = client(kind, url, new_key["key"], timeout_seconds=120)
urgent = {"kind": "analyze", "adapter_id": its_adapter["id"], "priority": "high", "dry_run": True}
out["key"] = [new_key["tenant"] == team, new_key["max_priority"], code_of(lambda: own.jobs.create(**urgent))]
out["tenant_deleted"] = [service.tenants.delete(team)["state"], code_of(of_team.usage)]

# Workers
worker = next(iter(service.workers.list()))
out["no_worker"] = code_of(lambda: service.workers.drain("none"))
#: The last calls to this service: no job runs afterwards.
drained = service.workers.drain(worker["id"]) if kind == "async" else None
out["drained"] = drained and [drained["id"] == worker["id"], drained["state"]]

if kind == "async":
    of_team.aclose(), own.aclose()
    service.aclose()
    made.add("close")
else:
    of_team.close(), own.close()
    service.close()
out["not_called"] = sorted(calls - made)
print(json.dumps(out))
