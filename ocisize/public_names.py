"""The public names of the package, by the module that defines them."""

from __future__ import annotations

#: names by module, which is imported when one of them is first used: ``import ocisize`` and ``--help`` stay fast
MODULES = {
    "analyzer": "Analyzer analyze",
    "blob.digest": "Digest digest_of",
    "blob.region": "FileRegion",
    "budgets.baseline": "Baseline BaselineEntry BaselineLayer BaselineTotals baseline_entry baseline_name ratchet",
    "budgets.check": "check measure_parts",
    "budgets.check_change": "check_change",
    "budgets.check_platforms": "check_all",
    "budgets.config": "BudgetFile find_budget_file load_baseline load_budget_file save_baseline",
    "budgets.parse": "BudgetSettings parse_budgets",
    "cache.disk": "CacheUsage DiskCache",
    "cache.store": "Cache",
    "comparison.images": "compare",
    "comparison.outlines": "compare_outlines",
    "dockerfile.parse": "Dockerfile Instruction Stage parse_dockerfile",
    "errors": (
        "ArchiveError AuthenticationFailed BlobError BudgetError CatalogError DigestMismatch DocumentError EngineFailed "
        "EntryLost FolderInUse ForeignLayerAbsent IncompleteAnalysis InvalidCost InvalidGlob InvalidReference LayerError "
        "LimitExceeded MissingLibrary NoMatchingPlatform NotAnImage OcisizeError PatchError PlatformError RegistryError "
        "ReportError SizeMismatch SourceError StreamError TarError ViewError"
    ),
    "fleet.best_deletions": "find_deletions",
    "fleet.deletions": "frees match_references",
    "fleet.engine.executors": "DaskEngine LayerEngine ProcessEngine SerialEngine",
    "fleet.export.layers": "export_fleet",
    "fleet.files.read": "read_fleet_files",
    "fleet.measure": "measure_fleet",
    "fleet.read": "FleetProgress read_fleet",
    "globs": "Glob parse_glob",
    "layer.progress": "Progress ProgressCallback",
    "limits": "Limits",
    "listing.references": "ListedReference ReferenceList",
    "listing.sources": "list_references",
    "model.analysis": "Analysis DiveFigures LayerAnalysis LayerFailure TableOfContents",
    "model.base": "BaseCertainty BaseImage BaseMethod BaseSplit",
    "model.budget": "Budget BudgetLevel BudgetStatus Metric Verdict VerdictPlace",
    "model.build_files": "BuildFiles",
    "model.build_step": "BuildStep StepKind",
    "model.causes": "CauseKind DownloadCause PackageChange",
    "model.comparison": "BaseChange Comparison DirectoryChange FileSum LayerChange LayerStatus PartChange Reason Suggestion",
    "model.file_changes": "FileChange FileChangeKind FileChangeSpan FileChanges FileColumns SizeGrowth",
    "model.findings": "Advice Category Confidence Finding Saving Severity",
    "model.fleet": "Blob BlobKind Fleet FleetFailure FleetImage FleetLayer Root",
    "model.fleet_figures": (
        "Deletions Family FleetFigures Freed GroupFigures GroupKind LayerCount NameOrigin RootFigures SharedPair "
        "SharingCount SharingMatrix SizeSpread TwinBlob Twins"
    ),
    "model.fleet_histories": "RepositoryHistory",
    "model.fleet_files": (
        "BaseVersion ContentGroup Dedup DuplicateContent FleetFiles JunkFigures JunkPlace PackageFigures PackageVersion "
        "Rebase SecretContent UnreadLayer"
    ),
    "model.provenance": "Provenance SourceLines",
    "model.outline": "IndexOutline LayerOutline Outline",
    "model.outline_comparison": "OutlineComparison OutlineLayerChange",
    "model.packages": "Inventory OwnedSizes Package PackageReason Unowned UnownedFiles",
    "model.plan": "LayerSaving Plan PlanEdit PlanStep",
    "model.platforms": "Drift FindingDrift IndexAnalysis OnlyThere Spread StepDrift",
    "model.pull_time": "PullRates PullTime StepPullTime UnpackRates",
    "model.quantity": "BudgetLimit GrowthKind Number Unit",
    "model.sizes": "Group Groups Sizes",
    "model.system": "OperatingSystem Runtime System",
    "model.update_advice": "LayerSplit SplitGroup StepMove StepOrder StepRate UpdateAdvice",
    "model.updates": (
        "Release ReleaseLayer ReleaseOrder SkippedUpdates TrackedLayer Update UpdateHistory UpdateLayer UpdateSums"
    ),
    "model.tool_sizes": "LayerOnDisk SizeStyle ToolSize",
    "model.waste": "Cause WasteTable WastedEntry",
    "oci.documents": "Descriptor Platform RunConfig",
    "oci.platform": "UnreadImage",
    "oci.source": "ImageSource RangedSource RebuiltLayer ReferredSource Source",
    "report.diff_formats": "DIFF_FORMATS DiffFormat",
    "report.formats": "FORMATS Format",
    "report.json.analysis": "to_json",
    "report.json.read": "from_json",
    "report.options": "ReportOptions",
    "report.render": "render_report",
    "rules.load": "load_catalog",
    "rules.rule": "Catalog Ecosystem Protection Rule",
    "sizes.cost": "Cost CostAssumptions cost_of parse_cost",
    "sizes.files": "ListedFile Listing SortOrder list_files",
    "sizes.packages": "PackageGrouping PackageListing PackageRow list_packages",
    "sizes.index_tool_sizes": "index_tool_sizes",
    "sizes.pull_time": "pull_times step_pull_times",
    "sizes.tool_sizes": "tool_sizes",
    "sizes.tree": "TreeNode make_tree",
    "sources.open": "open_source",
    "sources.registry.connection": "Connection",
    "tar.content_hash": "ContentHash",
    "tar.filetable": "Attributes FileEntry FileTable",
    "tar.paths": "PathColumn",
    "tar.scanner": "scan_tar",
    "tar.window": "ByteStream",
    "updates.advise": "advise_updates",
    "updates.contents": "LayerContents read_contents",
    "updates.histories": "measure_histories",
    "updates.measure": "measure_updates",
    "updates.pulls": "pull_sizes",
    "updates.read": "ReadContents ReadReleases read_layer_contents read_releases",
    "updates.releases": "make_release order_releases",
}
#: the module of each name
MODULE_OF = {name: module for module, names in MODULES.items() for name in names.split()}
