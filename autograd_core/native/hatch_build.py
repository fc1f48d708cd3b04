"""Called when the package is built: puts the compiled part into the wheel, or the source tree.

Where there is no compiler, or no headers of Python, the wheel is plain Python, and the last line of
the build says why. AUTOGRAD_CORE_PURE=1 in the environment asks for plain, =0 makes a failure an
error. An editable install has the extension beside its sources.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        wish = os.environ.get("AUTOGRAD_CORE_PURE", "")
        if wish == "1":
            return
        try:
            library = self.compiled(version == "editable", wish)
        except RuntimeError as error:
            if wish == "0":
                raise
            self.app.display_warning(f"autograd-core: plain Python, without its C part: {error}")
            return
        self.app.display_success(f"autograd-core: with its C part, {library.name}")
        build_data["pure_python"] = False
        if ".abi3." in library.name:
            build_data["tag"] = f"cp312-abi3-{next(sys_tags()).platform}"
        else:
            build_data["infer_tag"] = True
        if version != "editable":
            build_data["force_include"][str(library)] = f"autograd_core/native/{library.name}"

    def compiled(self, in_place: bool, wish: str) -> Path:
        """The extension, compiled from the sources that are packed."""
        # The package that is imported here reads its table; it must not want its own C part.
        os.environ["AUTOGRAD_CORE_PURE"] = "1"
        sys.path.insert(0, self.root)
        try:
            from autograd_core.native.build import build

            return build(Path(self.root) if in_place else Path(tempfile.mkdtemp()))
        finally:
            sys.path.remove(self.root)
            os.environ["AUTOGRAD_CORE_PURE"] = wish
