class AirflowException(Exception):
    pass


class TaskDeferred(BaseException):
    """What a task raises to leave its worker."""

    def __init__(self, trigger, method_name):
        self.trigger, self.method_name = trigger, method_name
