"""Loads adapter_config.json of each folder as PEFT does, prints the fields of each as PEFT has them."""

import dataclasses
import json
import sys
import warnings

import absent  # noqa: F401
from peft.tuners.lora.config import LoraConfig

# PEFT warns of fields that it does not know: here an error.
warnings.filterwarnings("error", message="Unexpected keyword arguments")


def plain(value):
    return sorted(value) if isinstance(value, set) else value


print(
    json.dumps(
        [
            {name: plain(value) for name, value in dataclasses.asdict(LoraConfig.from_pretrained(folder)).items()}
            for folder in sys.argv[1:]
        ],
        default=str,
    )
)
