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

from ocisize.public_names import MODULE_OF as _MODULE_OF

__version__ = "0.1.0"

TYPE_CHECKING = False  # as type checkers allow: to import typing would take nearly all the time of `import ocisize`
if TYPE_CHECKING:
    from ocisize.analyzer import Analyzer, analyze
    from ocisize.blob.digest import Digest, digest_of
    from ocisize.blob.region import FileRegion
    from ocisize.budgets.baseline import (
        Baseline,
        BaselineEntry,
        BaselineLayer,
        BaselineTotals,
        baseline_entry,
        baseline_name,
        ratchet,
    )
    from ocisize.budgets.check import check, measure_parts
    from ocisize.budgets.check_change import check_change
    from ocisize.budgets.check_platforms import check_all
    from ocisize.budgets.config import BudgetFile, find_budget_file, load_baseline, load_budget_file, save_baseline
    from ocisize.budgets.parse import BudgetSettings, parse_budgets
    from ocisize.cache.disk import CacheUsage, DiskCache
    from ocisize.cache.store import Cache
    from ocisize.comparison.images import compare
    from ocisize.comparison.outlines import compare_outlines
    from ocisize.dockerfile.parse import Dockerfile, Instruction, Stage, parse_dockerfile
    from ocisize.errors import (
        ArchiveError,
        AuthenticationFailed,
        BlobError,
        BudgetError,
        CatalogError,
        DigestMismatch,
        DocumentError,
        EngineFailed,
        EntryLost,
        FolderInUse,
        ForeignLayerAbsent,
        IncompleteAnalysis,
        InvalidCost,
        InvalidGlob,
        InvalidReference,
        LayerError,
        LimitExceeded,
        MissingLibrary,
        NoMatchingPlatform,
        NotAnImage,
        OcisizeError,
        PatchError,
        PlatformError,
        RegistryError,
        ReportError,
        SizeMismatch,
        SourceError,
        StreamError,
        TarError,
        ViewError,
    )
    from ocisize.fleet.best_deletions import find_deletions
    from ocisize.fleet.deletions import frees, match_references
    from ocisize.fleet.engine.executors import DaskEngine, LayerEngine, ProcessEngine, SerialEngine
    from ocisize.fleet.export.layers import export_fleet
    from ocisize.fleet.files.read import read_fleet_files
    from ocisize.fleet.measure import measure_fleet
    from ocisize.fleet.read import FleetProgress, read_fleet
    from ocisize.globs import Glob, parse_glob
    from ocisize.layer.progress import Progress, ProgressCallback
    from ocisize.limits import Limits
    from ocisize.listing.references import ListedReference, ReferenceList
    from ocisize.listing.sources import list_references
    from ocisize.model.analysis import Analysis, DiveFigures, LayerAnalysis, LayerFailure, TableOfContents
    from ocisize.model.base import BaseCertainty, BaseImage, BaseMethod, BaseSplit
    from ocisize.model.budget import Budget, BudgetLevel, BudgetStatus, Metric, Verdict, VerdictPlace
    from ocisize.model.build_files import BuildFiles
    from ocisize.model.build_step import BuildStep, StepKind
    from ocisize.model.causes import CauseKind, DownloadCause, PackageChange
    from ocisize.model.comparison import (
        BaseChange,
        Comparison,
        DirectoryChange,
        FileSum,
        LayerChange,
        LayerStatus,
        PartChange,
        Reason,
        Suggestion,
    )
    from ocisize.model.file_changes import FileChange, FileChangeKind, FileChanges, FileChangeSpan, FileColumns, SizeGrowth
    from ocisize.model.findings import Advice, Category, Confidence, Finding, Saving, Severity
    from ocisize.model.fleet import Blob, BlobKind, Fleet, FleetFailure, FleetImage, FleetLayer, Root
    from ocisize.model.fleet_figures import (
        Deletions,
        Family,
        FleetFigures,
        Freed,
        GroupFigures,
        GroupKind,
        LayerCount,
        NameOrigin,
        RootFigures,
        SharedPair,
        SharingCount,
        SharingMatrix,
        SizeSpread,
        TwinBlob,
        Twins,
    )
    from ocisize.model.fleet_files import (
        BaseVersion,
        ContentGroup,
        Dedup,
        DuplicateContent,
        FleetFiles,
        JunkFigures,
        JunkPlace,
        PackageFigures,
        PackageVersion,
        Rebase,
        SecretContent,
        UnreadLayer,
    )
    from ocisize.model.fleet_histories import RepositoryHistory
    from ocisize.model.outline import IndexOutline, LayerOutline, Outline
    from ocisize.model.outline_comparison import OutlineComparison, OutlineLayerChange
    from ocisize.model.packages import Inventory, OwnedSizes, Package, PackageReason, Unowned, UnownedFiles
    from ocisize.model.plan import LayerSaving, Plan, PlanEdit, PlanStep
    from ocisize.model.platforms import Drift, FindingDrift, IndexAnalysis, OnlyThere, Spread, StepDrift
    from ocisize.model.provenance import Provenance, SourceLines
    from ocisize.model.pull_time import PullRates, PullTime, StepPullTime, UnpackRates
    from ocisize.model.quantity import BudgetLimit, GrowthKind, Number, Unit
    from ocisize.model.sizes import Group, Groups, Sizes
    from ocisize.model.system import OperatingSystem, Runtime, System
    from ocisize.model.tool_sizes import LayerOnDisk, SizeStyle, ToolSize
    from ocisize.model.update_advice import LayerSplit, SplitGroup, StepMove, StepOrder, StepRate, UpdateAdvice
    from ocisize.model.updates import (
        Release,
        ReleaseLayer,
        ReleaseOrder,
        SkippedUpdates,
        TrackedLayer,
        Update,
        UpdateHistory,
        UpdateLayer,
        UpdateSums,
    )
    from ocisize.model.waste import Cause, WastedEntry, WasteTable
    from ocisize.oci.documents import Descriptor, Platform, RunConfig
    from ocisize.oci.platform import UnreadImage
    from ocisize.oci.source import ImageSource, RangedSource, RebuiltLayer, ReferredSource, Source
    from ocisize.report.diff_formats import DIFF_FORMATS, DiffFormat
    from ocisize.report.formats import FORMATS, Format
    from ocisize.report.json.analysis import to_json
    from ocisize.report.json.read import from_json
    from ocisize.report.options import ReportOptions
    from ocisize.report.render import render_report
    from ocisize.rules.load import load_catalog
    from ocisize.rules.rule import Catalog, Ecosystem, Protection, Rule
    from ocisize.sizes.cost import Cost, CostAssumptions, cost_of, parse_cost
    from ocisize.sizes.files import ListedFile, Listing, SortOrder, list_files
    from ocisize.sizes.index_tool_sizes import index_tool_sizes
    from ocisize.sizes.packages import PackageGrouping, PackageListing, PackageRow, list_packages
    from ocisize.sizes.pull_time import pull_times, step_pull_times
    from ocisize.sizes.tool_sizes import tool_sizes
    from ocisize.sizes.tree import TreeNode, make_tree
    from ocisize.sources.open import open_source
    from ocisize.sources.registry.connection import Connection
    from ocisize.tar.content_hash import ContentHash
    from ocisize.tar.filetable import Attributes, FileEntry, FileTable
    from ocisize.tar.paths import PathColumn
    from ocisize.tar.scanner import scan_tar
    from ocisize.tar.window import ByteStream
    from ocisize.updates.advise import advise_updates
    from ocisize.updates.contents import LayerContents, read_contents
    from ocisize.updates.histories import measure_histories
    from ocisize.updates.measure import measure_updates
    from ocisize.updates.pulls import pull_sizes
    from ocisize.updates.read import ReadContents, ReadReleases, read_layer_contents, read_releases
    from ocisize.updates.releases import make_release, order_releases


__all__ = [
    "DIFF_FORMATS", "FORMATS", "Advice", "Analysis", "Analyzer", "ArchiveError", "Attributes", "AuthenticationFailed",
    "BaseCertainty", "BaseChange", "BaseImage", "BaseMethod", "BaseSplit", "BaseVersion", "Baseline", "BaselineEntry",
    "BaselineLayer", "BaselineTotals", "Blob", "BlobError", "BlobKind", "Budget", "BudgetError", "BudgetFile", "BudgetLevel",
    "BudgetLimit", "BudgetSettings", "BudgetStatus", "BuildFiles", "BuildStep", "ByteStream", "Cache", "CacheUsage",
    "Catalog", "CatalogError", "Category", "Cause", "CauseKind", "Comparison", "Confidence", "Connection", "ContentGroup",
    "ContentHash", "Cost", "CostAssumptions", "DaskEngine", "Dedup", "Deletions", "Descriptor", "DiffFormat", "Digest",
    "DigestMismatch", "DirectoryChange", "DiskCache", "DiveFigures", "Dockerfile", "DocumentError", "DownloadCause", "Drift",
    "DuplicateContent", "Ecosystem", "EngineFailed", "EntryLost", "Family", "FileChange", "FileChangeKind", "FileChangeSpan",
    "FileChanges", "FileColumns", "FileEntry", "FileRegion", "FileSum", "FileTable", "Finding", "FindingDrift", "Fleet",
    "FleetFailure", "FleetFigures", "FleetFiles", "FleetImage", "FleetLayer", "FleetProgress", "FolderInUse",
    "ForeignLayerAbsent", "Format", "Freed", "Glob", "Group", "GroupFigures", "GroupKind", "Groups", "GrowthKind",
    "ImageSource", "IncompleteAnalysis", "IndexAnalysis", "IndexOutline", "Instruction", "InvalidCost", "InvalidGlob",
    "InvalidReference", "Inventory", "JunkFigures", "JunkPlace", "LayerAnalysis", "LayerChange", "LayerContents",
    "LayerCount", "LayerEngine", "LayerError", "LayerFailure", "LayerOnDisk", "LayerOutline", "LayerSaving", "LayerSplit",
    "LayerStatus", "LimitExceeded", "Limits", "ListedFile", "ListedReference", "Listing", "Metric", "MissingLibrary",
    "NameOrigin", "NoMatchingPlatform", "NotAnImage", "Number", "OcisizeError", "OnlyThere", "OperatingSystem", "Outline",
    "OutlineComparison", "OutlineLayerChange", "OwnedSizes", "Package", "PackageChange", "PackageFigures", "PackageGrouping",
    "PackageListing", "PackageReason", "PackageRow", "PackageVersion", "PartChange", "PatchError", "PathColumn", "Plan",
    "PlanEdit", "PlanStep", "Platform", "PlatformError", "ProcessEngine", "Progress", "ProgressCallback", "Protection",
    "Provenance", "PullRates", "PullTime", "RangedSource", "ReadContents", "ReadReleases", "Reason", "Rebase",
    "RebuiltLayer", "ReferenceList", "ReferredSource", "RegistryError", "Release", "ReleaseLayer", "ReleaseOrder",
    "ReportError", "ReportOptions", "RepositoryHistory", "Root", "RootFigures", "Rule", "RunConfig", "Runtime", "Saving",
    "SecretContent", "SerialEngine", "Severity", "SharedPair", "SharingCount", "SharingMatrix", "SizeGrowth", "SizeMismatch",
    "SizeSpread", "SizeStyle", "Sizes", "SkippedUpdates", "SortOrder", "Source", "SourceError", "SourceLines", "SplitGroup",
    "Spread", "Stage", "StepDrift", "StepKind", "StepMove", "StepOrder", "StepPullTime", "StepRate", "StreamError",
    "Suggestion", "System", "TableOfContents", "TarError", "ToolSize", "TrackedLayer", "TreeNode", "TwinBlob", "Twins",
    "Unit", "Unowned", "UnownedFiles", "UnpackRates", "UnreadImage", "UnreadLayer", "Update", "UpdateAdvice",
    "UpdateHistory", "UpdateLayer", "UpdateSums", "Verdict", "VerdictPlace", "ViewError", "WasteTable", "WastedEntry",
    "__version__", "advise_updates", "analyze", "baseline_entry", "baseline_name", "check", "check_all", "check_change",
    "compare", "compare_outlines", "cost_of", "digest_of", "export_fleet", "find_budget_file", "find_deletions", "frees",
    "from_json", "index_tool_sizes", "list_files", "list_packages", "list_references", "load_baseline", "load_budget_file",
    "load_catalog", "make_release", "make_tree", "match_references", "measure_fleet", "measure_histories", "measure_parts",
    "measure_updates", "open_source", "order_releases", "parse_budgets", "parse_cost", "parse_dockerfile", "parse_glob",
    "pull_sizes", "pull_times", "ratchet", "read_contents", "read_fleet", "read_fleet_files", "read_layer_contents",
    "read_releases", "render_report", "save_baseline", "scan_tar", "step_pull_times", "to_json", "tool_sizes",
]  # fmt: skip


if not TYPE_CHECKING:  # to a type checker, __getattr__ would make every attribute Any

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted([*globals(), *_MODULE_OF])
