"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["write"]


def write(path: str | os.PathLike[str], content: bytes) -> Path:
    """Put `content` at `path` in one move; a file that was there stays until then.

    Returns the path as it was given.
    """
    given = Path(path)
    if not given.parent.is_dir():
        raise FileNotFoundError(f"cannot write {given}: there is no folder {given.parent}")
    path = Path(os.path.realpath(given))  # a symbolic link stays, what it points to is written
    if path.is_symlink():
        raise OSError(f"cannot write {given}: it is a link that leads back to itself")
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {given}: it is a folder")
    if path.exists() and not path.is_file():
        raise OSError(f"cannot write {given}: it is a device or a pipe")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {given}: it links into {path.parent}, no folder")
    # Of a long name a part: with what mkstemp adds it would be too long.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with open(handle, "wb") as file:
            file.write(content)
        # mkstemp made it readable by its owner alone; a file that is replaced keeps its mode.
        mode = path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask()
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):  # a Ctrl-C may come when it is at its place already
            os.unlink(temporary)
        raise
    return given


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
