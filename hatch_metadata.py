"""Called when the package is built: its description and links, far from the files of the README.

`address` in pyproject.toml is the project's page on its host, as "https://host/owner/project".
Relative links and pictures lead there. While there is none, pictures and links are left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

PICTURE = re.compile(r"!\[([^]]*)\]\((?!\w+:)([^)]+)\)")
LINK = re.compile(r"(?<!!)\[([^]]*)\]\((?!\w+:|#)([^)]+)\)")
CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


class CustomMetadataHook(MetadataHookInterface):
    def update(self, metadata: dict[str, Any]) -> None:
        address = self.config["address"]
        if address and not re.fullmatch(r"https://[^/]+/\S*[^/\s]", address):
            raise ValueError(
                "address in pyproject.toml must be as https://host/owner/project, or empty, "
                f"got {address!r}"
            )
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": description(text, address)}
        metadata["urls"] = urls(address)


def urls(address: str) -> dict[str, str]:
    """What stands beside the description."""
    if not address:
        return {}
    return {
        "Source": address,
        "Issues": f"{address}/issues",
        "Changelog": f"{address}/blob/HEAD/CHANGELOG.md",
    }


def description(text: str, address: str) -> str:
    """The README with links that lead to the address, or without those that lead nowhere."""
    parts = CODE.split(text)
    parts[::2] = [linked(part, address) if address else unlinked(part) for part in parts[::2]]
    return "".join(parts)


def linked(text: str, address: str) -> str:
    text = PICTURE.sub(rf"![\1]({address}/raw/HEAD/\2)", text)
    return LINK.sub(rf"[\1]({address}/blob/HEAD/\2)", text)


def unlinked(text: str) -> str:
    text = LINK.sub(r"\1", PICTURE.sub("", text))
    text = re.sub(r"^\| +(\|.*\n)\|-+(?=\|)", r"\1", text, flags=re.MULTILINE)  # head of a column
    text = re.sub(r"^\| +(?=\|)", "", text, flags=re.MULTILINE)  # that had pictures alone
    return re.sub(r"\n{3,}", "\n\n", text)
