"""python -m autograd_core: what runs here, for a report of a bug."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from . import __version__
from .native import is_native


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    build = "compiled" if is_native() else "plain Python"
    print(f"autograd-core {__version__}, {build}")
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}")
    print(f"NumPy {_version('numpy')}")
