"""Compiles the extension: `python -m autograd_core.native.build` puts it beside its sources.

Needs a C compiler, Python's headers and setuptools, which knows how extensions are compiled
everywhere. The package builds it by itself when it is installed, see hatch_build.py.
"""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from pathlib import Path

from .rules import header
from .sources import digest

__all__ = ["build", "missing"]

HERE = Path(__file__).parent
NAME = "autograd_core.native._native"


def missing() -> str:
    """Why it cannot be compiled here, "" if it can."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "it is for CPython with its global lock"
    headers = Path(sysconfig.get_path("include"), "Python.h")
    return "" if headers.exists() else f"Python's headers are missing: {headers}"


def build(folder: Path) -> Path:
    """The extension, compiled into `folder`. RuntimeError if the compiler fails or is missing."""
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    if reason := missing():
        raise RuntimeError(reason)
    with tempfile.TemporaryDirectory() as place:
        known = f'#define DIGEST "{digest()}"\n'
        Path(place, "gates.h").write_text(header() + known, encoding="utf-8")
        windows = sys.platform == "win32"
        # Every operation rounds once, as in Python: no fused multiply-add, no sine and cosine in
        # one call of another function.
        flags = ["/O2", "/fp:precise"] if windows else [
            "-O2", "-g0", "-ffp-contract=off", "-fno-math-errno",
            "-fno-builtin-sin", "-fno-builtin-cos",
        ]  # fmt: skip
        extension = Extension(
            NAME, [str(HERE / "node.c")], include_dirs=[place], extra_compile_args=flags,
            libraries=[] if windows else ["m"],
        )  # fmt: skip
        command = build_ext(Distribution({"ext_modules": [extension]}))
        command.build_lib, command.build_temp = str(folder), place
        command.force = True  # also where only the table is newer
        command.ensure_finalized()
        try:
            command.run()
        except Exception as error:  # of setuptools: several, which share no class
            raise RuntimeError(f"the C compiler failed: {error}") from error
        return Path(command.get_ext_fullpath(NAME))


if __name__ == "__main__":
    print(build(HERE.parents[1]))
