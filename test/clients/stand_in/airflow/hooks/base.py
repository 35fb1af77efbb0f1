import os
from types import SimpleNamespace


class BaseHook:
    @staticmethod
    def get_connection(connection_id):
        assert connection_id == "lora_squeeze"
        return SimpleNamespace(host=os.environ["LORA_SQUEEZE_URL"], password="a-key")
