"""container_step.py as a component of Kubeflow Pipelines (kfp 2). The image is that of argo.yaml."""

from kfp import dsl

IMAGE = "registry.example.com/squeeze-step:1"


@dsl.container_component
def squeeze(adapter: str, rank: int, squeezed: dsl.Output[dsl.Model]):
    """adapter: an id, or a source that the service fetches. squeezed: a folder with the result and its report."""
    return dsl.ContainerSpec(image=IMAGE, command=["python", "/container_step.py"], args=[adapter, rank, squeezed.path])


@dsl.pipeline(name="squeeze-an-adapter")
def pipeline(adapter: str, rank: int = 16):
    step = squeeze(adapter=adapter, rank=rank)
    step.set_env_variable("LORA_SQUEEZE_URL", "http://lora-squeeze.lora-squeeze.svc:8080")
    step.set_env_variable("STEP_ID", f"{dsl.PIPELINE_JOB_ID_PLACEHOLDER}-squeeze")
    step.set_retry(num_retries=3)
