"""A Comparison as one HTML file: verdict, three figures, causes, and what grew and shrank by folder, file and layer.

All of it is text that needs no script, except for the explorer of AFTER, whose treemap has the colors of the changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

import ocisize
from ocisize.report.html.body import write_verdicts
from ocisize.report.html.changes import list_changes
from ocisize.report.html.diff_tables import write_files, write_folders, write_layer_changes, write_packages
from ocisize.report.html.document import write_document
from ocisize.report.html.explorer import SCRIPTS, write_data, write_explorer
from ocisize.report.html.findings import write_secrets
from ocisize.report.html.markup import Markup, element, join, with_code
from ocisize.report.words.download import ABOUT, describe_estimate, human_download
from ocisize.report.words.growth import describe_growth, measure_reasons, measure_suggestions, share_of, signed_size
from ocisize.report.words.image import name_image
from ocisize.report.words.secrets import list_new_secrets
from ocisize.report.words.units import human_size
from ocisize.report.words.upgrade import describe_upgrade

if TYPE_CHECKING:
    from ocisize.model.analysis import Analysis
    from ocisize.model.comparison import Comparison
    from ocisize.report.diff_subject import DiffSubject
    from ocisize.report.options import ReportOptions

_MAX_CAUSES = 8  # that are not folded away


def write(subject: DiffSubject, file: TextIO, _: ReportOptions) -> None:
    """Write the page."""
    file.write(diff_to_html(subject))


def diff_to_html(subject: DiffSubject) -> str:
    """Write a comparison as an HTML document."""
    comparison = subject.comparison
    changes = list_changes(comparison)
    body = [
        _write_head(comparison),
        element(
            "main",
            write_secrets(
                subject.after,
                has_plan=False,
                known=subject.image.known_findings or (),
                new=list_new_secrets(comparison),
            ),
            write_verdicts(subject.after, subject.verdicts),
            _write_causes(comparison),
            *([] if changes is None else [write_explorer()]),
            write_packages(comparison),
            write_folders(comparison),
            write_files(comparison),
            write_layer_changes(comparison),
            _write_advice(comparison),
        ),
        element("footer", element("p", f"ocisize {ocisize.__version__}", class_="note")),
        *([] if changes is None else [write_data(subject.after, changes=changes)]),
    ]
    return write_document(
        f"{name_image(subject.after)} {describe_growth(comparison)}", body, ["buttons.js"] if changes is None else SCRIPTS
    )


def _write_head(comparison: Comparison) -> Markup:
    """The verdict, both images, and the figures before, after and their change."""
    before, after = comparison.before, comparison.after
    upgrade = describe_upgrade(comparison)
    platforms = " → ".join(dict.fromkeys([before.platform, after.platform]))
    compared = "there is no image before" if comparison.is_new else f"compared with {name_image(before)}"
    return element(
        "header",
        element("h1", f"{name_image(after)} {describe_growth(comparison)}"),
        element("p", f"{compared} · {platforms}", class_="note"),
        element("p", "A host with the image before downloads ", *with_code(upgrade), ".") if upgrade else Markup(),
        element("dl", _side("Before", before), _side("After", after), _change(comparison), class_="figures three"),
    )


def _side(name: str, image: Analysis) -> Markup:
    notes = [
        "to download",
        f"{human_size(image.content_size)} unpacked",
        f"{human_size(image.wasted_size)} waste",
        f"{image.file_count:,} files",
    ]
    estimate = describe_estimate(image)
    return _card(name, human_download(image), " · ".join([*notes, *([estimate] if estimate else [])]))


def _change(comparison: Comparison) -> Markup:
    before, after = comparison.before, comparison.after
    growth = comparison.expected_compressed_growth
    about = ABOUT if comparison.estimated_growth else ""
    notes = [
        "to download",
        f"{signed_size(comparison.growth)} unpacked",
        f"{signed_size(after.wasted_size - before.wasted_size)} waste",
        f"{after.file_count - before.file_count:+,} files",
    ]
    share = share_of(growth or 0, before.expected_compressed_size)
    return _card("Change", f"{about}{signed_size(growth)}{share}", " · ".join(notes), growth or 0)


def _card(name: str, value: str, note: str, growth: int = 0) -> Markup:
    kind = "grew" if growth > 0 else "shrank" if growth < 0 else "same"
    return element("div", element("dt", name), element("dd", value, class_=kind), element("dd", note, class_="note"))


def _write_causes(comparison: Comparison) -> Markup:
    """Why the image grew or shrank, largest first."""
    measure, rows = measure_reasons(comparison)
    items = [_cause(signed_size(size), reason.text, size) for size, reason in rows]
    return _write_list("Why", f"change of the {measure}", items)


def _write_advice(comparison: Comparison) -> Markup:
    """What would save hosts a download, or the image some growth."""
    measure, rows = measure_suggestions(comparison)
    items = [_cause(human_size(size), suggestion.text, 0) for size, suggestion in rows]
    return _write_list("Advice", f"bytes of the {measure} affected", items)


def _cause(size: str, text: str, growth: int) -> Markup:
    kind = "grew" if growth > 0 else "shrank" if growth < 0 else "same"
    return element("li", element("p", size, class_="saving"), element("div", element("p", *with_code(text))), class_=kind)


def _write_list(title: str, note: str, items: Sequence[Markup]) -> Markup:
    if not items:
        return Markup()
    parts = [element("ol", *items[:_MAX_CAUSES], class_="cards")]
    if rest := items[_MAX_CAUSES:]:
        parts.append(element("details", element("summary", f"{len(rest):,} more"), element("ol", *rest, class_="cards")))
    name = f"{title.lower()}-title"
    heading = join([element("h2", title, id=name), element("p", f"{note[:1].upper()}{note[1:]}.", class_="note")])
    return element("section", heading, *parts, aria_labelledby=name)
