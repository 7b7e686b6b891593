"""ocisize: how big a container image is compressed, unpacked and wasted, and which layer and file is to blame.

``analyze("registry.io/app:tag")`` returns an Analysis; ``Analyzer`` does so with options for many images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ocisize.analysis.budget import check as check
    from ocisize.analysis.budgetfile import parse_budgets as parse_budgets
    from ocisize.analysis.compare import compare as compare
    from ocisize.analysis.comparison import Comparison as Comparison
    from ocisize.analysis.drift import IndexAnalysis as IndexAnalysis
    from ocisize.analysis.model import Analysis as Analysis
    from ocisize.analysis.model import Cause as Cause
    from ocisize.analysis.model import Group as Group
    from ocisize.analysis.model import LayerAnalysis as LayerAnalysis
    from ocisize.analysis.model import WastedEntry as WastedEntry
    from ocisize.analysis.verdict import Budget as Budget
    from ocisize.analysis.verdict import Verdict as Verdict
    from ocisize.analyzer import Analyzer as Analyzer
    from ocisize.analyzer import Progress as Progress
    from ocisize.analyzer import analyze as analyze
    from ocisize.errors import OcisizeError as OcisizeError
    from ocisize.files import FileEntry as FileEntry
    from ocisize.files import FileTable as FileTable
    from ocisize.image import Source as Source
    from ocisize.limits import Limits as Limits
    from ocisize.oci import Descriptor as Descriptor
    from ocisize.oci import Platform as Platform
    from ocisize.report.json import from_json as from_json
    from ocisize.report.json import to_json as to_json
    from ocisize.sources import open_source as open_source
    from ocisize.sources.client import Connection as Connection
    from ocisize.tar import scan_tar as scan_tar

# Public names by module. Loaded when first used, so that `import ocisize` and `--help` stay fast.
_EXPORTS = {
    "Analysis": "analysis.model",
    "Analyzer": "analyzer",
    "Budget": "analysis.verdict",
    "Cause": "analysis.model",
    "Comparison": "analysis.comparison",
    "Connection": "sources.client",
    "Descriptor": "oci",
    "FileEntry": "files",
    "FileTable": "files",
    "Group": "analysis.model",
    "IndexAnalysis": "analysis.drift",
    "LayerAnalysis": "analysis.model",
    "Limits": "limits",
    "OcisizeError": "errors",
    "Platform": "oci",
    "Progress": "analyzer",
    "Source": "image",
    "Verdict": "analysis.verdict",
    "WastedEntry": "analysis.model",
    "analyze": "analyzer",
    "check": "analysis.budget",
    "compare": "analysis.compare",
    "from_json": "report.json",
    "open_source": "sources",
    "parse_budgets": "analysis.budgetfile",
    "scan_tar": "tar",
    "to_json": "report.json",
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


if not TYPE_CHECKING:  # type checkers see the names above, and nothing else

    def __getattr__(name: str) -> Any:
        if name not in _EXPORTS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted([*globals(), *_EXPORTS])
