"""Packages that a program imports but does not need for what is asked of it: where one is not installed, whatever is
looked for in it is an empty class, whose objects are false. Packages that were not installed but are on PYTHONPATH have no metadata,
which diffusers asks for: their versions are those in their sources. Loaded before the program."""

import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import re
import sys
import types
from pathlib import Path

import torch
import torch.distributed.tensor  # PEFT expects that something else has imported it

PACKAGES = [
    "accelerate", "cv2", "diffusers", "easydict", "einops", "ftfy", "huggingface_hub", "PIL", "sentencepiece", "toml", "torchvision",
    "transformers",
]
SOURCES = ["accelerate", "diffusers", "huggingface_hub", "peft"]


class Conv1D(torch.nn.Module):
    """The layer of GPT-2 (transformers/pytorch_utils.py): its weight is [in, out]."""

    def __init__(self, nf, nx):
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight = torch.nn.Parameter(torch.zeros(nx, nf))
        self.bias = torch.nn.Parameter(torch.zeros(nf))


class Absent(types.ModuleType):
    __path__ = []
    __version__ = "0"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if self.__name__ == "PIL":
            return Absent(f"PIL.{name}")
        found = Conv1D if name == "Conv1D" else type(name, (), {"__bool__": lambda self: False})
        setattr(self, name, found)
        return found


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, packages):
        self.packages = packages

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in self.packages:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return Absent(spec.name)

    def exec_module(self, module):
        pass

    def find_distributions(self, context=importlib.metadata.DistributionFinder.Context()):
        if context.name in self.packages:
            yield Distribution(context.name, "99")
        elif context.name in SOURCES and (spec := importlib.util.find_spec(context.name)):
            version = re.search(r'__version__ = "([^"]+)"', Path(spec.origin).read_text())
            yield Distribution(context.name, version.group(1))


class Distribution(importlib.metadata.Distribution):
    def __init__(self, name, version):
        self.text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"

    def read_text(self, filename):
        return self.text if filename == "METADATA" else None

    def locate_file(self, path):
        return Path(path)


def replace(*names):
    """Modules that are there but are not needed, and would import what is not."""
    for name in names:
        sys.modules[name] = Absent(name)


def without_contents(name):
    """A package whose modules can be imported, without what it imports itself."""
    package = types.ModuleType(name)
    *parents, _ = name.split(".")
    if parents:
        folders = [Path(folder, name.split(".")[-1]) for folder in sys.modules[".".join(parents)].__path__]
    else:
        folders = [Path(folder, name) for folder in sys.path]
    package.__path__ = [str(folder) for folder in folders if folder.is_dir()]
    sys.modules[name] = package


sys.meta_path.append(Finder([name for name in PACKAGES if importlib.util.find_spec(name) is None]))
