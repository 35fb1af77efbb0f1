"""Squeezes the adapter that an MLflow run logged, and logs the result and its report to the same run:

    python mlflow_squeeze.py RUN_ID ARTIFACT_PATH RANK

The id of the run is a label of the job, and the ids of the job and the result are tags of the run.
"""

import os
import sys
import tempfile

import mlflow

from lora_squeeze import Client


def squeeze_run(run_id: str, artifact_path: str, rank: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Client() as service:
        source = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=artifact_path, dst_path=folder)
        labels = {"mlflow.runId": run_id}
        adapter = service.upload(source, labels=labels)
        job = service.jobs.run(kind="squeeze", adapter_id=adapter["id"], targets=[{"rank": rank}], labels=labels)
        result = job["results"][0]
        squeezed = os.path.join(folder, "squeezed")
        service.jobs.download(job["id"], squeezed)
        with mlflow.start_run(run_id=run_id):
            mlflow.log_metrics(
                {
                    "squeeze.rank": result["rank"]["max"],
                    "squeeze.relative_error": result["relative_error"],
                    "squeeze.energy_retained": result["energy_retained"],
                }
            )
            mlflow.set_tags({"lora_squeeze.job_id": job["id"], "lora_squeeze.adapter_id": result["adapter_id"]})
            mlflow.log_artifacts(squeezed, artifact_path=f"{artifact_path}-r{rank}")
            mlflow.log_dict(dict(service.jobs.report(job["id"])), f"{artifact_path}-r{rank}/report.json")
            mlflow.log_text(service.jobs.report_html(job["id"]), f"{artifact_path}-r{rank}/report.html")


if __name__ == "__main__":
    squeeze_run(sys.argv[1], sys.argv[2], int(sys.argv[3]))
