"""The version of the installed package, which is the version of the service."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("lora-squeeze")
except PackageNotFoundError:
    __version__ = "0"  # Imported from its sources.
