"""Builds the page on which Python runs in the browser, and the lessons in JupyterLite.

    python docs/browser.py -o build/try                 # needs npm, and the extra `browser`
    python -m http.server -d build                      # then open localhost:8000/try/

`index.html` is the page, `lessons/` the lessons, and `pyodide/` is what both run on. The folder can
be copied into any site: all addresses in it are relative. docs/try has the sources, and in
package.json the releases of what comes from npm.

Of Pyodide's packages those in plain Python are fetched from PyPI and lie there too. NumPy and
Matplotlib for Pyodide are on neither PyPI nor npm: who imports them gets them from Pyodide's own
address.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "docs" / "try"
NOTEBOOKS = ROOT / "notebooks"
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
ELSEWHERE = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"  # where Pyodide keeps its packages
KERNEL = ("ipython", "jedi", "micropip", "tqdm")  # of these, what JupyterLite's kernel loads
KERNEL_TOO = ("comm",)  # which Pyodide has not
LITE = {
    "jupyter-lite-schema-version": 0,
    "jupyter-config-data": {
        "appName": "autograd-core: lessons",
        "litePluginSettings": {
            "@jupyterlite/pyodide-kernel-extension:kernel": {
                "pyodideUrl": "./../pyodide/pyodide.mjs"
            }
        },
    },
}


def build(out: Path, packages: Path | None, wheel: Path | None, lessons: bool) -> None:
    """Write all into the folder `out`."""
    with tempfile.TemporaryDirectory() as work:
        packages = packages or from_npm(Path(work))
        if lessons:
            check_kernel(version_of(packages / "pyodide"))
        page(out, packages, lessons)
        pyodide(out / "pyodide", packages / "pyodide", wheel, lessons)
        if lessons:
            jupyterlite(out / "lessons", Path(work) / "lite")


def version_of(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text(encoding="utf-8"))["version"])


def check_kernel(pyodide: str) -> None:
    """JupyterLite must be there, and its kernel must be made for this Pyodide."""
    try:
        from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION
    except ImportError:
        raise SystemExit(
            "the lessons need JupyterLite: pip install -e '.[browser]'. "
            "With --page there is the page alone"
        ) from None
    if pyodide != PYODIDE_VERSION:
        raise SystemExit(
            f"jupyterlite-pyodide-kernel is made for Pyodide {PYODIDE_VERSION}, and this is "
            f"{pyodide}: change docs/try/package.json"
        )


def page(out: Path, packages: Path, lessons: bool) -> None:
    """The page itself, with its examples."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("try.js", "worker.js", "run.py"):
        shutil.copy(SOURCES / name, out)
    text = (SOURCES / "index.html").read_text(encoding="utf-8")
    if lessons:
        text = text.replace("<!--lessons ", "").replace(" lessons-->", "")
    (out / "index.html").write_text(text, encoding="utf-8")
    sheet = (SOURCES / "try.css").read_text(encoding="utf-8")
    (out / "try.css").write_text(with_inks(sheet), encoding="utf-8")
    (out / "examples.json").write_text(json.dumps(examples(), indent=1), encoding="utf-8")
    shutil.copy(packages / "@viz-js" / "viz" / "dist" / "viz.js", out)


def examples() -> list[dict[str, str]]:
    """Name, title and text of each; the title is the docstring, which is not shown."""
    listed = []
    for path in sorted((SOURCES / "examples").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        title = ast.get_docstring(ast.parse(text)) or ""
        body = text.partition('"""\n')[2].lstrip("\n")
        listed.append({"name": path.stem.partition("_")[2], "title": title, "text": body})
    return listed


def with_inks(sheet: str) -> str:
    """A style sheet with the colours of our pictures."""
    from viz.inks import COLOURS

    for i, mark in enumerate(("/*light*/", "/*dark*/")):
        sheet = sheet.replace(mark, "".join(f"--{role}:{ink[i]};" for role, ink in COLOURS.items()))
    return sheet


def pyodide(out: Path, source: Path, wheel: Path | None, lessons: bool) -> None:
    """Pyodide and, in its list of packages, ours, and which lie beside it."""
    out.mkdir(exist_ok=True)
    for name in PYODIDE:
        shutil.copy(source / name, out)
    elsewhere = ELSEWHERE.format(version=version_of(source))
    lock = json.loads((source / "pyodide-lock.json").read_text(encoding="utf-8"))
    known = lock["packages"]
    for package in known.values():
        package["file_name"] = elsewhere + package["file_name"]

    ours = Path(shutil.copy(wheel, out)) if wheel else from_pip("wheel", out, str(ROOT))
    known["autograd-core"] = entry(ours, ("autograd_core", "nn", "viz"), ("graphviz",))
    names = ("graphviz", *KERNEL_TOO) if lessons else ("graphviz",)
    for name in names:
        known[name] = entry(from_pip("download", out, name), (name,))
    if lessons:
        for name in needed(known, KERNEL):
            package = known[name]
            file = from_pip("download", out, f"{package['name']}=={package['version']}")
            package |= {"file_name": file.name, "sha256": digest(file)}
        needs = ("autograd-core", "numpy", "matplotlib", "tqdm")
        known["lesson"] = entry(lesson(out), ("lesson", "worker"), needs)
    (out / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def needed(known: dict[str, Any], names: Iterable[str]) -> list[str]:
    """These packages and all that they depend on."""
    found: list[str] = []
    work = list(names)
    while work:
        name = work.pop().replace("_", "-").lower()
        if name not in found:
            found.append(name)
            work += known[name]["depends"]
    return found


def entry(file: Path, imports: tuple[str, ...], depends: tuple[str, ...] = ()) -> dict[str, Any]:
    """A package in Pyodide's list."""
    name, version = (*file.stem.split("-"), "0")[:2]
    return {
        "name": name.replace("_", "-"), "version": version, "file_name": file.name,
        "sha256": digest(file), "imports": imports, "depends": depends, "install_dir": "site",
        "package_type": "package", "unvendored_tests": False,
    }  # fmt: skip


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def lesson(out: Path) -> Path:
    """What the lessons import beside the packages, which brings along what else they need."""
    path = out / "lesson.zip"
    text = (NOTEBOOKS / "lesson.py").read_text(encoding="utf-8")
    text += (SOURCES / "lesson_in_browser.py").read_text(encoding="utf-8")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lesson.py", text)
        archive.write(NOTEBOOKS / "worker.py", "worker.py")
    return path


def jupyterlite(out: Path, work: Path) -> None:
    """The notebooks, in a JupyterLab without a server."""
    contents = work / "contents"
    contents.mkdir(parents=True)
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = joined(json.loads(path.read_text(encoding="utf-8")))
        (contents / path.name).write_text(json.dumps(notebook), encoding="utf-8")
    (work / "jupyter-lite.json").write_text(json.dumps(LITE), encoding="utf-8")
    run([sys.executable, "-m", "jupyterlite_core.app", "build", "--lite-dir", work.name,
         "--contents", str(contents), "--output-dir", str(out.resolve()), "--apps", "lab",
         "--no-sourcemaps"], work.parent)  # fmt: skip


def joined(notebook: Any) -> Any:
    """The notebook with texts that are not split into lines, over which JupyterLite trips."""
    if isinstance(notebook, dict):
        return {key: notebook[key] if key == "tags" else joined(notebook[key]) for key in notebook}
    if isinstance(notebook, list):
        lines = notebook and all(isinstance(line, str) for line in notebook)
        return "".join(notebook) if lines else [joined(item) for item in notebook]
    return notebook


def from_npm(folder: Path) -> Path:
    """The node_modules that package.json asks for."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm, which brings Pyodide, was not found: install Node.js")
    shutil.copy(SOURCES / "package.json", folder)
    run([npm, "install", "--silent", "--no-audit", "--no-fund"], folder)
    return folder / "node_modules"


# A wheel for any machine, for the Python in Pyodide; ours is built as such.
ANY = ("--only-binary=:all:", "--platform=any", "--abi=none", "--implementation=py",
       "--python-version=3.14")  # fmt: skip


def from_pip(command: str, folder: Path, what: str) -> Path:
    """The wheel of one project, put into the folder."""
    with tempfile.TemporaryDirectory() as work:
        options = ANY if command == "download" else ("-w", work)
        run([sys.executable, "-m", "pip", command, "-q", "--no-deps", *options, what], Path(work))
        (wheel,) = Path(work).glob("*.whl")
        return Path(shutil.copy(wheel, folder))


def run(command: list[str], folder: Path) -> None:
    subprocess.run(command, check=True, cwd=folder, env={**os.environ, "AUTOGRAD_CORE_PURE": "1"})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder to write")
    parser.add_argument("--packages", type=Path, help="a node_modules, in place of asking npm")
    parser.add_argument("--wheel", type=Path, help="ours, in place of building it from here")
    parser.add_argument("--page", action="store_true", help="the page alone, without the lessons")
    given = parser.parse_args()
    build(given.output, given.packages, given.wheel, lessons=not given.page)


if __name__ == "__main__":
    main()
