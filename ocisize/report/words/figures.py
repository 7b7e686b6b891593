"""The one explanation of each figure, for the text report, HTML pages and docs/numbers.md."""

from __future__ import annotations

from collections.abc import Mapping

#: name of a figure as people read it → what it counts, without a full stop
FIGURES: Mapping[str, str] = {
    "Download": "what a client with nothing cached downloads",
    "Unpacked": "content of the files in all layers, including hidden files",
    "Live": "content that a container sees",
    "Waste": "content of hidden files: later layers delete, replace or store them again",
    "Duplicates": "visible content that is also visible at another path",
    "On disk": "disk space used on each host, in 4 KiB blocks",
    "Efficiency": "live share of the unpacked content",
    "dive": "efficiency as dive measures it",
    "Files": "regular files in all layers, including hidden files",
    "Hides": "content that a layer hides in lower layers or in itself",
    "Base": "layers of the base image",
    "Yours": "layers above the base image",
    "Pull": "how long a pull takes at a bandwidth",
    "Egress": "cost of all downloads of a year",
}
