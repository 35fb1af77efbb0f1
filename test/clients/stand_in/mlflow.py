"""The calls of MLflow that examples use, which write to the folder MLFLOW_FOLDER/RUN_ID. It does not test MLflow itself."""

import contextlib
import json
import os
import shutil
import types

_run = []


def _path(name):
    path = os.path.join(os.environ["MLFLOW_FOLDER"], _run[-1], name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


@contextlib.contextmanager
def start_run(run_id):
    _run.append(run_id)
    yield
    _run.pop()


def log_dict(dictionary, artifact_file):
    log_text(json.dumps(dictionary), artifact_file)


def log_text(text, artifact_file):
    with open(_path(artifact_file), "w", encoding="utf-8") as file:
        file.write(text)


def log_metrics(metrics):
    log_dict(metrics, "metrics.json")


def set_tags(tags):
    log_dict(tags, "tags.json")


def log_artifacts(local_dir, artifact_path):
    shutil.copytree(local_dir, _path(artifact_path), dirs_exist_ok=True)


def _download_artifacts(run_id, artifact_path, dst_path):
    source = os.path.join(os.environ["MLFLOW_FOLDER"], run_id, artifact_path)
    return shutil.copytree(source, os.path.join(dst_path, artifact_path))


artifacts = types.SimpleNamespace(download_artifacts=_download_artifacts)
