"""Prove plans by building: apply the patch of the plan to real Dockerfiles, build again, and compare.

    python benchmarks/plans.py OUT [--case NAME]... [--builder NAME]... [--build-only] [--write]

For each case in inputs/plans and each builder: the saving that the steps in the patch promise and the real one, the visible
files before and after, and the findings on the image that was built again. The exit status is 1 if a case fails.
``--write`` writes plans.md, which report.py includes in RESULTS.md. OUT keeps bases, images, patches and logs; what exists
is not built again.

Needs root, buildah, debootstrap, busybox-static, git, gcc, npm, and Debian's docker.io for the builders of Docker.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import attrs
import tables
from builders import Buildah, Builder, BuildFailed, Docker, Saved, run
from plan_cases import INPUTS, Case, load_cases, prepare_bases, write_context
from trees import Tree, differences, read_tree

#: Allowed differences between promise and real saving, as shares of the promise; and in bytes, for small promises.
MAX_SHARE, MAX_COMPRESSED_SHARE = 0.03, 0.10
MAX_BYTES, MAX_COMPRESSED_BYTES = 4_096, 16_384
MAX_SHOWN = 12  #: differences that are printed
TEXT = """\
`benchmarks/plans.py` builds {cases} Dockerfiles, asks `ocisize advise IMAGE --dockerfile Dockerfile --patch` for the patch,
applies the patch with `git apply`, and builds again. Measured {date} with {versions}.
ocisize reads images of buildah with gzip layers, and images of docker as `docker save` writes them, so it estimates their download.

*Whole plan* is the unpacked saving of all steps, with those to make by hand. *Promised* is the saving of the steps in the patch,
and *real* is the saving of the second build. The difference is at most {share:.0%} unpacked and {compressed_share:.0%} of the download, or
{bytes:,} and {compressed_bytes:,} bytes. Files are *equal* if path, kind, mode, owner, content and link target are equal; times do not count.
The second report has no finding that the patch promises to fix.

{table}

{titles}

Left out of the comparison of files:

{ignored}
"""


@attrs.define
class Result:
    """What a case and a builder showed."""

    case: Case
    builder: str
    before: Tree
    planned: int = 0  #: bytes of content that all steps of the plan save, with those to make by hand
    promised: tuple[int, int | None] = (0, None)  #: bytes of content and of download; None if the plan does not say
    real: tuple[int, int] | None = None  #: None if there is no second image
    failures: list[str] = attrs.field(factory=list)
    tree: str = ""
    report: str = ""


def folder_of(case: Case, builder: Builder, out: Path) -> Path:
    """Where the images of a case and a builder are."""
    return out / case.name / builder.name


def build(case: Case, builder: Builder, context: Path, folder: Path) -> Saved:
    """Build and save an image of a case; ``folder`` is named for the state of its Dockerfile."""
    folder.mkdir(parents=True, exist_ok=True)
    tag = f"{case.name}-{folder.name}-{folder.parent.name}:1"
    builder.build(context, context / "Dockerfile", tag, case.arguments, folder / "build.log")
    return builder.save(tag, folder)


def build_before(case: Case, builder: Builder, folder: Path) -> Saved:
    """The image as the Dockerfile of the case makes it; kept in ``folder`` while context and Dockerfile do not change."""
    context, before = folder.parent / "context", folder / "before"
    dockerfile = (INPUTS / case.name / "Dockerfile").read_text()
    if context.exists() and (context / "Dockerfile").read_text() != dockerfile:
        shutil.rmtree(context)
    if not context.exists():
        write_context(case, context)
    kept, key = before / "saved.json", [dockerfile, (context / "Dockerfile").stat().st_ctime]
    if kept.exists() and json.loads(kept.read_text())["key"] == key:
        return Saved(json.loads(kept.read_text())["image"], before / "layout")
    saved = build(case, builder, context, before)
    kept.write_text(json.dumps({"key": key, "image": saved.image}))
    return saved


def ocisize(*words: str, folder: Path) -> str:
    """Standard output of a command of ocisize that runs in a folder, where it finds the Dockerfile."""
    command = [sys.executable, "-m", "ocisize", *words]
    return run(["env", "-C", folder, *command], PYTHONPATH=str(HERE.parent))


def advise(image: str, context: Path, folder: Path) -> tuple[dict[str, Any], str]:
    """The findings with the plan, and the patch; both are kept in ``folder``."""
    words = ["advise", image, "--dockerfile", "Dockerfile"]
    document = ocisize(*words, "-f", "json", folder=context)
    patch = ocisize(*words, "--patch", folder=context)
    (folder / "advice.json").write_text(document)
    (folder / "plan.patch").write_text(patch)
    return json.loads(document), patch


def apply_patch(context: Path, patch: str, folder: Path) -> Path:
    """A patched copy of a context."""
    copy = folder / "context"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(context, copy, symlinks=True)
    if patch.strip():
        environment = {"GIT_CEILING_DIRECTORIES": str(folder), "GIT_CONFIG_GLOBAL": "/dev/null"}
        run(["git", "-C", copy, "apply", "--whitespace=nowarn", folder / "plan.patch"], **environment)
    return copy


def remaining(first: dict[str, Any], second: dict[str, Any]) -> Iterator[str]:
    """The findings of the second report that the patch of the plan in the first one claims to fix.

    A file of which a step to make by hand frees another copy may still have a finding.
    """
    by_hand = {path for step in first["plan"]["steps"] if not step["in_patch"] for path in step["paths"]}
    for step in first["plan"]["steps"]:
        if not step["in_patch"]:
            continue
        paths = set(step["paths"]) - by_hand
        fixed = [one for one in first["advice"]["findings"] if one["id"] in step["findings"] and paths & set(one["paths"])]
        for finding in second["advice"]["findings"]:
            named = paths & set(finding["paths"])
            if not finding["in_base"] and any(one["id"] == finding["id"] and named & set(one["paths"]) for one in fixed):
                shown = ", ".join(finding["paths"][:3])
                yield f"{finding['id']} {finding['title']}: {finding['size']:,} bytes, {shown}"


def judge_saving(result: Result) -> Iterator[str]:
    """Where the promise does not hold."""
    assert result.real is not None
    allowed = ((MAX_SHARE, MAX_BYTES, "unpacked"), (MAX_COMPRESSED_SHARE, MAX_COMPRESSED_BYTES, "download"))
    for promised, real, (share, count, side) in zip(result.promised, result.real, allowed, strict=True):
        if promised is not None and abs(real - promised) > max(share * promised, count):
            yield f"{side}: promised {promised:,}, real {real:,}"
    if result.case.max_promise is not None and result.promised[0] > result.case.max_promise:
        yield f"a good image: promised {result.promised[0]:,}"


def prove(case: Case, builder: Builder, out: Path) -> Result:
    """Build a case, follow the plan, and compare."""
    folder, cache = folder_of(case, builder, out), out / "trees"
    saved = build_before(case, builder, folder)
    result = Result(case, builder.name, read_tree(saved.layout, cache))
    context = out / case.name / "context"
    try:
        document, patch = advise(saved.image, context, folder)
        result.planned = sum(step["size"] for step in document["plan"]["steps"])
        chosen = [step for step in document["plan"]["steps"] if step["in_patch"]]
        compressed = [step["compressed_size"] for step in chosen]
        result.promised = sum(step["size"] for step in chosen), None if None in compressed else sum(compressed)
        again = build(case, builder, apply_patch(context, patch, folder), folder / "after")
        second = json.loads(ocisize("advise", again.image, "-f", "json", folder=out))
    except BuildFailed as error:
        result.failures.append(str(error))
        return result
    after = read_tree(again.layout, cache)
    result.real = (
        result.before.content_size - after.content_size,
        result.before.compressed_size - after.compressed_size,
    )
    result.failures += judge_saving(result)
    differing = list(
        differences(
            result.before, after, ignored=case.ignored, changing=case.changing, removed=case.removed, packages=case.packages
        )
    )
    result.tree = f"{len(differing)} differ" if differing else "equal"
    result.failures += [f"file {difference}" for difference in differing[:MAX_SHOWN]]
    left = list(remaining(document, second))
    result.report = f"{len(left)} left" if left else "fixed"
    result.failures += [f"finding {finding}" for finding in left]
    return result


def megabytes(value: int | None) -> str:
    return "" if value is None else f"{value / 1e6:,.3f}"


def table(results: Sequence[Result]) -> str:
    """A row for each case and builder."""
    rows = []
    for result in results:
        cells = [f"`{result.case.name}`", result.builder, megabytes(result.planned)]
        totals = result.before.content_size, result.before.compressed_size
        for total, promised, real in zip(totals, result.promised, result.real or (None, None), strict=True):
            exact = promised is not None and promised > MAX_BYTES and real is not None
            off = f"{100 * (real - promised) / promised:+.1f} %" if exact else ""
            cells += [megabytes(total), megabytes(promised), megabytes(real), off]
        rows.append([*cells, result.tree, result.report, "FAILED" if result.failures else "passed"])
    sizes = ["promised", "real", "off by"]
    heads = ["case", "builder", "whole plan", "MB unpacked", *sizes, "MB download", *sizes, "files", "second report", ""]
    return tables.markdown(heads, rows, left=2)


def ignored_table(cases: Sequence[Case]) -> str:
    rows = []
    for case in cases:
        rows += [[f"`{case.name}`", f"`{glob}`", "the file", reason] for glob, reason in case.ignored.items()]
        rows += [[f"`{case.name}`", f"`{glob}`", "its content", reason] for glob, reason in case.changing.items()]
        if case.packages:
            rows.append(
                [f"`{case.name}`", "files of packages that the plan leaves out", "absence", "the image may not need them"]
            )
        if case.removed:
            globs = ", ".join(f"`{glob}`" for glob in case.removed)
            rows.append([f"`{case.name}`", globs, "absence", "the plan may remove the file"])
    return tables.markdown(["case", "path", "left out", "reason"], rows, left=4)


def choose_builders(out: Path, names: Sequence[str]) -> list[Builder]:
    """The builders with some names, or those that run here; dockerd is started."""
    builders: list[Builder] = [Buildah(out / "buildah"), Buildah(out / "buildah", layers=False)]
    docker = Docker(out / "docker")
    if not names or any(name.startswith("docker") for name in names):
        try:
            docker.start()
        except (BuildFailed, OSError) as error:
            print(f"without docker: {error}", file=sys.stderr)
        else:
            builders += [docker, Docker(out / "docker", buildkit=False)]  # one dockerd for both
    return [builder for builder in builders if not names or builder.name in names]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", metavar="OUT", type=Path, help="the folder for bases, images and patches")
    parser.add_argument("--case", action="append", default=[], metavar="NAME", help="this case only; may be repeated")
    parser.add_argument("--builder", action="append", default=[], metavar="NAME", help="this builder only; may be repeated")
    parser.add_argument("--build-only", action="store_true", help="build the images as they are, without asking for plans")
    parser.add_argument("--write", action="store_true", help="write plans.md instead of printing the table")
    options = parser.parse_args()
    out, cases = options.out.absolute(), load_cases(options.case)
    builders = choose_builders(out, options.builder)
    results = []
    try:
        prepare_bases(out, builders)
        for case in cases:
            for builder in builders:
                if builder.name not in case.builders:
                    continue
                started = time.monotonic()
                if options.build_only:
                    saved = build_before(case, builder, folder_of(case, builder, out))
                    print(f"{case.name}, {builder.name}: {saved.image}, {time.monotonic() - started:.0f} s", flush=True)
                    continue
                result = prove(case, builder, out)
                results.append(result)
                state = "FAILED" if result.failures else "passed"
                print(f"{case.name}, {builder.name}: {state}, {time.monotonic() - started:.0f} s", flush=True)
                for failure in result.failures:
                    print("    " + failure.replace("\n", "\n    "), flush=True)
        names = {result.builder for result in results}
        versions = ", ".join(f"{builder.name} {builder.version()}" for builder in builders if builder.name in names)
    finally:
        for builder in builders:
            if isinstance(builder, Docker):
                builder.stop()
    if options.build_only:
        return
    text = TEXT.format(
        cases=len(cases), date=time.strftime("%Y-%m-%d"), versions=versions, share=MAX_SHARE,
        compressed_share=MAX_COMPRESSED_SHARE, bytes=MAX_BYTES, compressed_bytes=MAX_COMPRESSED_BYTES,
        table=table(results), titles=tables.markdown(["case", "Dockerfile"], [[f"`{case.name}`", case.title] for case in cases], left=2),
        ignored=ignored_table(cases),
    )  # fmt: skip
    if options.write:
        (HERE / "plans.md").write_text(text)
    else:
        print(text)
    sys.exit(any(result.failures for result in results))


if __name__ == "__main__":
    main()
