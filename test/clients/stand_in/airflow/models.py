from airflow.exceptions import TaskDeferred


class BaseOperator:
    def __init__(self, task_id):
        self.task_id = task_id

    def defer(self, *, trigger, method_name):
        raise TaskDeferred(trigger, method_name)
