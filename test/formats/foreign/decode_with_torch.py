"""Prints what torch makes of all 256 bytes in each dtype of 8-bit floats, by the names that safetensors has for them; null is NaN."""

import json
import math

import torch

DTYPES = {
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
}

BYTES = torch.arange(256, dtype=torch.uint8)


def told(number):
    if math.isnan(number):
        return None
    return number if math.isfinite(number) else str(number)


print(json.dumps({name: [told(number) for number in BYTES.view(dtype).float().tolist()] for name, dtype in DTYPES.items()}))
