"""ocisize: how big a container image is to download and unpacked, how much of it is waste, and which files are to blame.

``analyze("registry.io/app:tag")`` returns an Analysis. ``Analyzer`` has all options, and analyzes many images.
The library logs below the logger ``ocisize``: choices, requests and seconds at INFO, layers at DEBUG.

>>> analyze("./missing.tar")
Traceback (most recent call last):
    ...
ocisize.errors.ArchiveError: no such file or folder: ./missing.tar
>>> Limits(layer_size=1 << 30).layer_size
1073741824
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # as type checkers allow: to import typing would take nearly all the time of `import ocisize`
if TYPE_CHECKING:
    from ocisize.analyzer import Analyzer as Analyzer
    from ocisize.analyzer import analyze as analyze
    from ocisize.budgets.check import check as check
    from ocisize.budgets.parse import parse_budgets as parse_budgets
    from ocisize.comparison.images import compare as compare
    from ocisize.errors import OcisizeError as OcisizeError
    from ocisize.layer.reader import Progress as Progress
    from ocisize.limits import Limits as Limits
    from ocisize.model.analysis import Analysis as Analysis
    from ocisize.model.analysis import LayerAnalysis as LayerAnalysis
    from ocisize.model.budget import Budget as Budget
    from ocisize.model.budget import Verdict as Verdict
    from ocisize.model.comparison import Comparison as Comparison
    from ocisize.model.platforms import IndexAnalysis as IndexAnalysis
    from ocisize.model.sizes import Group as Group
    from ocisize.model.waste import Cause as Cause
    from ocisize.model.waste import WastedEntry as WastedEntry
    from ocisize.oci.documents import Descriptor as Descriptor
    from ocisize.oci.documents import Platform as Platform
    from ocisize.oci.source import ImageSource as ImageSource
    from ocisize.oci.source import Source as Source
    from ocisize.report.json.analysis import to_json as to_json
    from ocisize.report.json.read import from_json as from_json
    from ocisize.sources.open import open_source as open_source
    from ocisize.sources.registry.client import Connection as Connection
    from ocisize.tar.filetable import FileEntry as FileEntry
    from ocisize.tar.filetable import FileTable as FileTable
    from ocisize.tar.scanner import scan_tar as scan_tar

# Public name → its module, which is imported when the name is first used: `import ocisize` and `--help` stay fast.
_EXPORTS = {
    "Analysis": "model.analysis",
    "Analyzer": "analyzer",
    "Budget": "model.budget",
    "Cause": "model.waste",
    "Comparison": "model.comparison",
    "Connection": "sources.registry.client",
    "Descriptor": "oci.documents",
    "FileEntry": "tar.filetable",
    "FileTable": "tar.filetable",
    "Group": "model.sizes",
    "ImageSource": "oci.source",
    "IndexAnalysis": "model.platforms",
    "LayerAnalysis": "model.analysis",
    "Limits": "limits",
    "OcisizeError": "errors",
    "Platform": "oci.documents",
    "Progress": "layer.reader",
    "Source": "oci.source",
    "Verdict": "model.budget",
    "WastedEntry": "model.waste",
    "analyze": "analyzer",
    "check": "budgets.check",
    "compare": "comparison.images",
    "from_json": "report.json.read",
    "open_source": "sources.open",
    "parse_budgets": "budgets.parse",
    "scan_tar": "tar.scanner",
    "to_json": "report.json.analysis",
}

__all__ = [
    "Analysis",
    "Analyzer",
    "Budget",
    "Cause",
    "Comparison",
    "Connection",
    "Descriptor",
    "FileEntry",
    "FileTable",
    "Group",
    "ImageSource",
    "IndexAnalysis",
    "LayerAnalysis",
    "Limits",
    "OcisizeError",
    "Platform",
    "Progress",
    "Source",
    "Verdict",
    "WastedEntry",
    "__version__",
    "analyze",
    "check",
    "compare",
    "from_json",
    "open_source",
    "parse_budgets",
    "scan_tar",
    "to_json",
]


if not TYPE_CHECKING:  # to a type checker, __getattr__ would make every attribute Any

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted([*globals(), *_EXPORTS])
