"""A bar for work that lasts: nothing at first, and tqdm's bar once two seconds have gone by.

bar = Progress(len(batches), "training")
for batch in batches:
    ...
    bar.add(1)
bar.close()
"""

from __future__ import annotations

import math
import sys
import warnings
from time import monotonic
from typing import Any

__all__ = ["PATIENCE", "Progress"]

PATIENCE = 2.0  # seconds without a bar


class Progress:
    """Counts steps, and shows how many of `total` are done.

    shown   None: after PATIENCE seconds, on a terminal or in a notebook, if tqdm is installed;
            True: at once and anywhere, ImportError without tqdm; False: never
    """

    def __init__(self, total: int, title: str, shown: bool | None = None) -> None:
        self.total: int = total
        self.title: str = title
        self.done: int = 0
        self._said: tuple[str, float] | None = None
        self._bar: Any = None
        self._due = math.inf  # when the bar begins
        if shown:
            self._begin()
        elif shown is None and (_in_a_shell() or _on_a_terminal()):
            self._due = monotonic() + PATIENCE

    def add(self, steps: int) -> None:
        """So many more steps are done."""
        self.done += steps
        if self._bar is not None:
            self._bar.update(steps)
        elif monotonic() >= self._due:
            self._begin()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def say(self, name: str, number: float) -> None:
        """Put a number behind the bar, as the loss so far."""
        self._said = name, number
        if self._bar is not None:
            self._bar.set_postfix_str(f"{name} {number:.4g}", refresh=False)

    def _begin(self) -> None:
        is_asked_for = self._due == math.inf
        self._due = math.inf
        try:
            with warnings.catch_warnings():  # of a notebook without ipywidgets: the bar is text
                warnings.simplefilter("ignore")
                from tqdm.auto import tqdm
        except ImportError:
            if is_asked_for:
                raise ImportError("progress=True needs tqdm: pip install tqdm") from None
            return
        self._bar = tqdm(
            total=self.total, initial=self.done, desc=self.title, unit="step", leave=False,
            file=sys.stdout if _in_a_shell() else sys.stderr,  # a notebook paints stderr red
        )  # fmt: skip
        if self._said is not None:
            self.say(*self._said)
        self._bar.refresh()


def _in_a_shell() -> bool:
    """Whether a shell of IPython runs, as it does in a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return shell is not None and shell() is not None


def _on_a_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()
