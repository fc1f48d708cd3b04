"""Builds the page on which Python runs in the browser.

    python docs/browser.py -o build/try                 # needs npm and a network
    python -m http.server -d build                      # then open localhost:8000/try/

The folder can be copied into any site: all addresses in it are relative. docs/try has the page's
sources, and in package.json the releases of what comes from npm.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "docs" / "try"
PYODIDE = (
    "pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json",
)  # fmt: skip


def build(out: Path, packages: Path | None = None) -> None:
    """Write the page into the folder `out`; `packages` is a node_modules that has what it needs."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        packages = packages or from_npm(Path(work))
        wheels = from_pip(Path(work), "--no-deps", str(ROOT), "graphviz")
        for wheel in wheels:
            shutil.copy(wheel, out)
    (out / "pyodide").mkdir(exist_ok=True)
    for name in PYODIDE:
        shutil.copy(packages / "pyodide" / name, out / "pyodide")
    shutil.copy(packages / "@viz-js" / "viz" / "dist" / "viz.js", out)
    for name in ("index.html", "try.js", "worker.js", "run.py"):
        shutil.copy(SOURCES / name, out)
    (out / "try.css").write_text(with_inks((SOURCES / "try.css").read_text(encoding="utf-8")))
    files = {"wheels": [wheel.name for wheel in wheels], "examples": examples()}
    (out / "files.json").write_text(json.dumps(files, indent=1))


def from_npm(folder: Path) -> Path:
    """The node_modules that package.json asks for."""
    shutil.copy(SOURCES / "package.json", folder)
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm was not found: it brings Pyodide. Install Node.js, which has it")
    run([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)])
    return folder / "node_modules"


def from_pip(folder: Path, *arguments: str) -> list[Path]:
    """The wheels of these projects; ours in plain Python, which runs anywhere."""
    wheels = folder / "wheels"
    run([sys.executable, "-m", "pip", "wheel", "-q", "-w", str(wheels), *arguments],
        AUTOGRAD_CORE_PURE="1")  # fmt: skip
    return sorted(wheels.glob("*-none-any.whl"))


def run(command: list[str], **environment: str) -> None:
    subprocess.run(command, check=True, env={**os.environ, **environment})


def with_inks(sheet: str) -> str:
    """The style sheet with the colours of all our pictures."""
    from viz.inks import COLOURS

    for i, mark in enumerate(("/*light*/", "/*dark*/")):
        sheet = sheet.replace(mark, "".join(f"--{role}:{ink[i]};" for role, ink in COLOURS.items()))
    return sheet


def examples() -> list[dict[str, str]]:
    """Name, title and text of each; the title is the docstring, which is not shown."""
    listed = []
    for path in sorted((SOURCES / "examples").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        title = ast.get_docstring(ast.parse(text)) or ""
        body = text.partition('"""\n')[2].lstrip("\n")
        listed.append({"name": path.stem.partition("_")[2], "title": title, "text": body})
    return listed


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder to write")
    parser.add_argument(
        "--packages", type=Path, help="a node_modules that has the npm packages, in place of npm"
    )
    given = parser.parse_args()
    build(given.output, given.packages)


if __name__ == "__main__":
    main()
