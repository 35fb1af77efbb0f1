"""Runs scripts one after the other, each in a forked process that has already imported torch, which takes seconds:
python with_torch.py URL SCRIPT…"""

import os
import runpy
import sys

import torch._dynamo  # noqa: F401  (what the first optimizer would import)

url, *scripts = sys.argv[1:]
for script in scripts:
    child = os.fork()
    if child == 0:
        sys.argv = [script, url]
        runpy.run_path(script, run_name="__main__")
        sys.stdout.flush()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status != 0:
        sys.exit(f"{script} ended with {os.waitstatus_to_exitcode(status)}")
