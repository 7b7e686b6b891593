"""The comment about a change: figures, new secrets, budgets, causes, fixes of what changed, and the limit of a comment."""

from __future__ import annotations

import re
from typing import Any

import attrs
import cmarkgfm

from ocisize import Analysis, compare
from ocisize.budgets.check_change import check_change
from ocisize.budgets.parse import parse_budgets
from ocisize.model.comparison import Comparison, Reason, Suggestion
from ocisize.model.findings import Advice, Category, Severity
from ocisize.model.plan import Plan
from ocisize.report.ci.markdown import LIMIT
from ocisize.report.ci.markdown_diff import diff_to_markdown
from ocisize.report.diff_subject import DiffSubject
from ocisize.report.options import ReportOptions
from tests.gates import changed, image
from tests.hostile import HOSTILE, finding
from tests.plans import hostile_plan, step, with_plan


def secret(number: int) -> Any:
    return attrs.evolve(
        finding(number, text=f"secret {number}", severity=Severity.HIGH, size=0),
        category=Category.SECRET,
        layers=(0,) if number == 401 else (3,),
    )


def smaller() -> Analysis:
    """The image before: without the last two layers."""
    whole = image()
    less = sum(layer.compressed_size or 0 for layer in whole.layers[2:])
    return changed(
        whole, layers=whole.layers[:2], content_size=18_000, wasted_size=0, live_size=18_000,
        compressed_size=(whole.compressed_size or 0) - less, advice=Advice((secret(401),)), reference="acme/app:0",
    )  # fmt: skip


def report(comparison: Comparison, toml: str = "", limit: int = LIMIT) -> str:
    verdicts = check_change(comparison.before, comparison.after, parse_budgets(toml).budgets) if toml else ()
    return diff_to_markdown(DiffSubject.of(comparison, ReportOptions(verdicts=verdicts)), limit=limit)


def test_the_comment_about_a_change() -> None:
    """Marker and verdict, figures, new secrets, budgets, why, fixes of changed layers; the rest is folded, in this order."""
    after = changed(image(), advice=Advice((secret(401), secret(402), *image().advice.findings)))
    steps = (step(title="kept", layers=[0]), step(title="ours", layers=[3], action="Do `rm -rf a|b` there.", in_patch=False))
    text = report(compare(smaller(), with_plan(after, Plan(steps=steps))), 'max-download = "+2 %"')
    parts = [
        "<!-- ocisize diff acme/app linux/amd64 -->\n### \N{CROSS MARK} `acme/app:1` grew by 1.10 kB (12.2 %) to download · "
        "budgets: 1 of 1 failed · 2 secrets, 1 new\n\n| | Before | After | Change |",
        "| Download | 9.00 kB | 10.1 kB | **+1.10 kB** (12.2 %) |", "| Unpacked | 18.0 kB | 20.0 kB | **+2.00 kB** (11.1 %) |",
        "| Waste | 0 B | 5.00 kB | **+5.00 kB** |", "acme/app:1`, linux/amd64.",
        "**secret 402**", "**secret 401**", "The last one is in the image before, too.", "**Budgets: 1 failed**",
        "**Why** (change of the download)", "**Fix what changed**", "| 2 | 2.00 kB | safe<br>by hand | **ours** | layer 3 COPY . /app |",
        "```dockerfile\n# 2: Do `rm -rf a|b` there.\nCOPY . /app\n```", "1 fix of layers that did not change: `ocisize advise`.",
        "<summary>4 layers, 2 changed</summary>", "<summary>Directories</summary>",
    ]  # fmt: skip
    places = [text.replace("\u00a0", " ").find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)
    assert "**kept**" not in text


def test_new_secrets_are_counted() -> None:
    """The title says how many of all secrets are new: all, some or none."""
    for names, count in (((402, 403), "2 new secrets"), ((401, 402), "2 secrets, 1 new"), ((401,), "1 secret")):
        title = report(compare(smaller(), changed(image(), advice=Advice(tuple(map(secret, names)))))).split("\n")[1]
        assert title.endswith(f" · {count}")


def test_new_secrets_beside_known_ones_are_named() -> None:
    """If a finding is about known secrets, too, the comment says which are new."""
    known, new = attrs.evolve(secret(401), paths=("a", "b"), path_count=2), secret(402)
    variables = attrs.evolve(secret(403), paths=(), path_count=0, names=tuple(f"TOKEN{number}" for number in range(8)))
    old = attrs.evolve(variables, names=variables.names[:1])
    before = changed(smaller(), advice=Advice((attrs.evolve(known, paths=("b",), path_count=1), old)))
    text = report(compare(before, changed(image(), advice=Advice((known, new, variables)))))
    names = ", ".join(f"`{name}`" for name in ("/a", "TOKEN1", "TOKEN2", "TOKEN3", "TOKEN4"))
    assert f"\nNew among them: {names} and 3 more.\n" in text
    assert " · 11 secrets, 9 new\n" in text
    assert "New among them" not in report(compare(smaller(), changed(image(), advice=Advice((secret(401), secret(402))))))


def test_nothing_changed() -> None:
    """The title says so, no figure has a change, and there is no verdict without budgets."""
    text = report(compare(image(), image())).replace("\u00a0", " ")
    assert "\n### `acme/app:1` did not change\n" in text
    assert "| Download | 10.1 kB | 10.1 kB | = |" in text
    assert "**Why**" not in text


def test_an_unknown_download() -> None:
    """The growth is of the unpacked size, and the change of the download is unknown."""
    unknown = changed(image(), compressed_size=None)
    text = report(compare(changed(smaller(), compressed_size=None), unknown))
    assert "grew by 2.00 kB (11.1 %) unpacked" in text
    assert "| Download | ? | ? | **?** |" in text


def test_causes_have_one_unit() -> None:
    """If the download of one layer is unknown, all causes have unpacked sizes."""
    sizes = ((5000, None), (900, 100), (0, 70))
    reasons = tuple(
        Reason(text="a layer", before=0, after=0, growth=growth, compressed_growth=compressed)
        for growth, compressed in sizes
    )
    text = report(attrs.evolve(compare(smaller(), image()), reasons=reasons)).replace("\u00a0", " ")
    assert "**Why** (change of the unpacked size)" in text
    assert re.findall(r"^\| (\S+ \S+) \| a layer", text, re.MULTILINE) == ["+5.00 kB", "+900 B"]


def test_advice_is_folded_beside_fixes() -> None:
    """What would save a download is open if there are no fixes, and folded behind them."""
    suggestion = Suggestion(text="Build reproducibly.", layers=(3,), size=900, compressed_size=None)
    advised = attrs.evolve(compare(smaller(), image()), suggestions=(suggestion,))
    assert "\n**Advice** (bytes of the unpacked size affected)\n" in report(advised)
    fixed = attrs.evolve(compare(smaller(), with_plan(image(), Plan(steps=(step(layers=[3]),)))), suggestions=(suggestion,))
    text = report(fixed)
    assert text.index("**Fix what changed**") < text.index("<summary>Advice (bytes of the unpacked size affected)</summary>")
    assert "Build reproducibly." in text and "**Advice**" not in text


def test_hostile_and_huge_images_fit_a_comment() -> None:
    """No markup of an image is left, folds are closed, and no limit is exceeded."""
    secrets = tuple(attrs.evolve(secret(number), title=text, fix=text) for number, text in enumerate(HOSTILE, 401))
    after = changed(image(), reference="".join(HOSTILE) + "--><b>", advice=Advice(secrets))
    comparison = compare(smaller(), with_plan(after, hostile_plan()))
    reasons = tuple(
        Reason(text=f"{text} `{text}` " * 40, before=0, after=0, growth=9, compressed_growth=9) for text in HOSTILE
    )
    comparison = attrs.evolve(comparison, reasons=reasons * 40)
    for limit in (4000, 20_000, LIMIT):
        text = report(comparison, "max-files = 0", limit)
        assert len(text.encode()) <= limit
        first, _, rest = text.partition("\n")
        assert re.fullmatch(r"<!-- [^<>]* -->", first)
        page = str(cmarkgfm.github_flavored_markdown_to_html(rest, cmarkgfm.Options.CMARK_OPT_UNSAFE))
        assert page.count("<details>") == page.count("</details>")
        assert set(re.findall(r"<(\w+)", page)) <= {
            "h3", "p", "strong", "code", "br", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre",
        }  # fmt: skip
