"""Compiles the extension: `python -m autograd_core.native.build` puts it beside its sources.

Needs a C compiler, Python's headers and setuptools, which knows how extensions are compiled
everywhere. The package builds it by itself when it is installed, see hatch_build.py. From CPython
3.12 on it is built for the stable ABI: it then runs in every later CPython, too.
"""

from __future__ import annotations

import platform
import sys
import sysconfig
import tempfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from .loop_source import loop_source
from .rules import header
from .sources import digest

__all__ = ["STABLE", "build", "missing"]

HERE = Path(__file__).parent
NAME = "autograd_core.native._native"
STABLE = sys.version_info >= (3, 12)  # the stable ABI has all that is called here


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
        Path(place, "loop_gates.h").write_text(loop_source(), encoding="utf-8")
        windows = sys.platform == "win32"
        # Every operation rounds once, as in Python: no fused multiply-add but in the loop's sums,
        # no sine and cosine in one call of another function.
        flags = ["/O2", "/fp:precise"] if windows else [
            "-O3", "-std=gnu11", "-g0", "-ffp-contract=off", "-fno-math-errno",
            "-fno-trapping-math", "-fno-builtin-sin", "-fno-builtin-cos", "-fvisibility=hidden",
        ]  # fmt: skip
        names = ["node.c"] if windows else ["node.c", "loop.c", "descent.c", "loop_module.c"]
        extension = Extension(
            NAME, [str(HERE / name) for name in names], include_dirs=[place, str(HERE)],
            extra_compile_args=flags, libraries=[] if windows else ["m"],
            define_macros=[("Py_LIMITED_API", "0x030c0000")] if STABLE else [],
            py_limited_api=STABLE,
        )  # fmt: skip

        class Build(build_ext):  # type: ignore[misc]
            def build_extension(self, ext: Extension) -> None:
                """The loop once more, for processors with wider registers, where there are any."""
                if platform.machine() in ("x86_64", "AMD64") and not windows:
                    ext.extra_objects += self.compiler.compile(
                        [str(HERE / "loop.c")], f"{place}/avx2", [("LOOP", "loop_avx2")],
                        ext.include_dirs, extra_postargs=[*flags, "-mavx2", "-mfma"],
                    )  # fmt: skip
                super().build_extension(ext)

        command = Build(Distribution({"ext_modules": [extension]}))
        command.build_lib, command.build_temp = str(folder), place
        command.force = True  # also where only the table is newer
        command.ensure_finalized()
        try:
            command.run()
        except Exception as error:  # of setuptools: several, which share no class
            raise RuntimeError(f"the C compiler failed: {error}") from error
        library = Path(command.get_ext_fullpath(NAME))
    for suffix in EXTENSION_SUFFIXES:  # in the order in which Python looks for it
        other = library.with_name(f"_native{suffix}")
        if other == library:
            break
        other.unlink(missing_ok=True)  # from before, and would be found first
    return library


if __name__ == "__main__":
    print(build(HERE.parents[1]))
