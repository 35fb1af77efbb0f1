class BaseTrigger:
    pass


class TriggerEvent:
    def __init__(self, payload):
        self.payload = payload
