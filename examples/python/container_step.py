"""One squeeze as a step of a pipeline: python container_step.py SOURCE RANK OUT

SOURCE: a folder or file of a mounted volume, the id of an adapter, or a source that the service fetches (s3://…, hf://…).
OUT: a folder for the result and its report.html. LORA_SQUEEZE_URL is the address of the service, and LORA_SQUEEZE_KEY the key
for it. STEP_ID identifies the step: if the step is retried with the same STEP_ID, it gets the job of its first attempt.

Exit codes: 0 the adapter was squeezed, 75 (EX_TEMPFAIL) another attempt may succeed, 1 another attempt would fail as well.
"""

import os
import sys

from lora_squeeze import Client, Progress, SqueezeError


def show(progress: Progress) -> None:
    print(f"{progress.phase} {progress.done}/{progress.total}", file=sys.stderr, flush=True)


def step(source: str, rank: int, out: str) -> None:
    with Client(timeout_seconds=3600) as service:
        is_here = os.path.exists(source)
        adapter = service.upload(source)["id"] if is_here else source
        which = {"source": adapter} if "://" in adapter else {"adapter_id": adapter}
        job = service.jobs.run(
            kind="squeeze",
            **which,
            targets=[{"rank": rank}],
            labels={"step": "squeeze"},
            idempotency_key=None if is_here else os.environ.get("STEP_ID"),
            progress=show,
        )
        service.jobs.download(job["id"], out)
        with open(os.path.join(out, "report.html"), "w", encoding="utf-8") as file:
            file.write(service.jobs.report_html(job["id"]))
    print(job["results"][0]["adapter_id"])


if __name__ == "__main__":
    try:
        step(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    except SqueezeError as error:
        print(f"{error.code}: {error.detail}", file=sys.stderr)
        sys.exit(75 if error.retryable else 1)
