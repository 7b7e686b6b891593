"""Secrets and the plan in Markdown: whole steps, commands that can be copied, and the limit of a comment."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import attrs
import cmarkgfm
import pytest
from hypothesis import given

from ocisize import Analysis
from ocisize.dockerfile.parse import parse_dockerfile
from ocisize.model.findings import Advice, Category
from ocisize.model.build_step import BuildStep
from ocisize.model.plan import Plan, PlanEdit
from ocisize.report.ci.markdown import LIMIT, to_markdown
from ocisize.report.ci.markdown_text import code_block, escape_text, fill_blocks
from ocisize.report.subject import ReportedImage
from ocisize.text import quote_code
from tests.gates import changed, image, judge
from tests.hostile import findings as random_findings
from tests.hostile import finding
from tests.plans import plan, random_plans, step, with_plan
from tests.reports import of_all, platforms, text_of

NO_BREAK = "\u00a0"


def render(text: str) -> str:
    """HTML as GitHub makes it."""
    return str(cmarkgfm.github_flavored_markdown_to_html(text, cmarkgfm.Options.CMARK_OPT_UNSAFE))


def codes(text: str) -> list[str]:
    """The contents of all code in rendered Markdown."""
    return [unescape(code) for code in re.findall(r"<code[^>]*>(.*?)</code>", render(text), re.DOTALL)]


def test_steps_by_hand_name_the_lines_of_their_instruction() -> None:
    """The block of a step that edits nothing says where its instruction is, as the table of the steps does."""
    analysis = with_plan(image(), Plan(steps=(step(layers=[3], action="Do it.", in_patch=False),), dockerfile="Dockerfile"))
    (line,) = parse_dockerfile("\n\nCOPY . \\\n /app\n").instructions
    for lines, place in (((None, None, None, line), "Dockerfile:3-4"), ((), "layer 3")):
        assert f"**Fix 1** · {place}\n" in to_markdown([ReportedImage(analysis=analysis, lines=lines)])


def test_the_plan_comes_before_findings() -> None:
    """Secrets, budgets, steps with the edited instructions, what they save together, then findings and layers, folded."""
    secret = attrs.evolve(finding(401, text="a secret", size=0), category=Category.SECRET, paths=("app/.env",))
    analysis = with_plan(changed(image(), advice=Advice((*image().advice.findings, secret))))
    text = text_of("markdown", analysis, verdicts=judge('max-download = "1 kB"')).replace(NO_BREAK, " ")
    parts = [
        "<!-- ocisize image acme/app linux/amd64 -->\n### ", " `acme/app:1` linux/amd64 · budgets: 1 of 1 failed · 1 secret\n",
        "**Secrets in the image.**", "| **a secret**<br>OS401 · medium · layer 0<br>`/app/.env` | Do `a secret` again |",
        "**Budgets: 1 failed**", "**Fix first**",
        "| 1 | 2.00 kB | safe | **apt archives left behind** | Dockerfile:3 |",
        "| 2 | 1.00 kB | probably | **documentation copied into the image** | .dockerignore |",
        "| 3 | 250 B | ask<br>by hand | **test data** | Dockerfile:3, 6 |",
        "**Fix 1** · Dockerfile:3-4\n\n```dockerfile\nRUN apt-get install \\\n && rm -rf /var/cache/apt\n```",
        "**Fix 2** · `.dockerignore`\n\n```\ndocs\n!docs/keep.md\n```",
        "**Fix 3** · layer 3\n\n```dockerfile\n# 3: Copy named directories.\n# 3: Check that no test runs in the image.\nCOPY . /app\n```",
        "**All 3 fixes: 3.25 kB less to download (32 %), 2.00 kB of it safe.**",
        "<summary>2 findings</summary>", "fix 1",
        "<summary>Layers</summary>",
    ]  # fmt: skip
    places = [text.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)
    assert text.count("a secret") == 2


def test_later_steps_are_folded() -> None:
    """Five steps are open; the others are in a table and separate blocks with their numbers."""
    steps = tuple(step(title=f"thing {number}") for number in range(1, 9))
    text = text_of("markdown", with_plan(image(), Plan(steps=steps)))
    table, _, folded = text.partition("<summary>3 more fixes</summary>")
    assert re.findall(r"\*\*thing (\d)\*\*", table) == ["1", "2", "3", "4", "5"]
    assert re.findall(r"^\| (\d) \|.*\*\*thing (\d)\*\*", folded, re.MULTILINE) == [("6", "6"), ("7", "7"), ("8", "8")]


@pytest.mark.parametrize(
    "command",
    [
        "RUN apt-get update && apt-get install -y curl | tee /log",
        'RUN echo "a|b\\n" > /x && rm -rf /var/lib/apt/lists/*',
        "RUN v=`date` && echo ``",
        "RUN echo '<b>' && echo *_x_* [a](b) ~~c~~ &amp; $HOME @me #1",
        "RUN " + " && ".join(f"apt-get install -y package-{number}" for number in range(20)),
        "`a`",
    ],
)
def test_commands_in_a_fix_are_whole(command: str) -> None:
    """Backticks, bars, backslashes and markup in a command come back from the rendered page, as one piece of code."""
    edit = PlanEdit(layer=1, build_step=BuildStep("RUN old"), text=command)
    analysis = with_plan(image(), Plan(steps=(step(),), edits=(edit,)))
    assert f"{command}\n" in codes(text_of("markdown", analysis))
    by_hand = with_plan(image(), Plan(steps=(step(action=f"Change it to {quote_code(command)}.", in_patch=False),)))
    (block,) = [code for code in codes(text_of("markdown", by_hand)) if code.startswith("# 1: ")]
    assert " ".join(line.removeprefix("# ").strip() for line in block.splitlines()) == " ".join(
        f"1: Change it to {quote_code(command)}. RUN apt-get install".split()
    )


def test_parentheses_around_code_are_text() -> None:
    """Words that become code leave parentheses and punctuation outside."""
    assert escape_text("Install both at once (lxml==5.2.2 *.pyc).") == "Install both at once (`lxml==5.2.2` `*.pyc`)."


def test_code_elements_stay_readable() -> None:
    """Only characters that could be markup are written as entities."""
    assert escape_text(quote_code("find / -name x.py | wc")) == "<code>find / -name x.py &#124; wc</code>"


def test_continued_lines_become_one_line() -> None:
    """A command of several lines fits into the cell of a table."""
    assert escape_text(f"Use {quote_code('RUN a && rm -rf /x').replace(' && ', chr(92) + chr(10) + '  && ')}.") == (
        "Use `RUN a && rm -rf /x`."
    )


@pytest.mark.parametrize("text", ["```", "a\n````\nb", "</details>\n\n<b>", "~~~", "\tx\r\ny", " \n"])
def test_blocks_end_where_they_should(text: str) -> None:
    """No text ends its block of code, and all of it is shown."""
    (code,) = codes(f"{code_block(text, 'dockerfile')}\n\nafter")
    assert code == text.replace("\r\n", "\n") + "\n"


def test_platforms_share_steps() -> None:
    """A step of several platforms is listed once; each platform has its total."""
    first, other = platforms()
    larger = plan()
    larger = attrs.evolve(larger, steps=(attrs.evolve(larger.steps[0], compressed_size=3000), step(title="another")))
    text = of_all("markdown", [with_plan(first), with_plan(other, larger)]).replace(NO_BREAK, " ")
    assert "| 1 | 3.00 kB | safe | **apt archives left behind**<br>on all platforms | Dockerfile:3 |" in text
    assert "| 2 | 2.00 kB | safe | **another**<br>on linux/arm64 |" in text
    assert "**Fixes 1, 2** · linux/arm64 · Dockerfile:3-4\n" in text
    assert "**linux/amd64: All 3 fixes: 3.25 kB less to download (32 %), 2.00 kB of it safe.**" in text
    assert "**linux/arm64: Both fixes: 5.00 kB less to download (49 %), all of it safe.**" in text


def test_a_large_plan_fits_a_comment() -> None:
    """Steps and edits beyond the room are counted, and findings and layers still have some."""
    edit = plan().edits[0]
    steps = tuple(step(title=f"thing {number}" + "x" * 100, layers=[number % 4]) for number in range(400))
    edits = tuple(attrs.evolve(edit, layer=number, text=f"RUN {number} " + "y" * 9000) for number in range(4))
    findings = tuple(finding(number) for number in range(100, 400))
    analysis = with_plan(changed(image(), advice=Advice(findings)), attrs.evolve(plan(), steps=steps, edits=edits))
    text = text_of("markdown", analysis)
    assert len(text.encode()) <= LIMIT
    shown = text.count("**thing ")
    assert 5 < shown < 400
    assert f"… and {400 - shown} more fixes, not shown to save space." in text
    assert 2 <= text.count("```dockerfile") < 8
    assert "… and 1 more edit, not shown to save space." in text
    assert text.count("<br>OS") > 20
    assert "| 3 | 1.00 kB | 2.00 kB |" in text


def test_blocks_that_do_not_fit_are_counted() -> None:
    """Whole blocks, or nothing where not even the count has room."""
    blocks = ["a" * 50, "b" * 50, "c" * 50]
    assert fill_blocks(blocks, "edit", 156) == "".join(f"\n{block}\n" for block in blocks)
    assert fill_blocks(blocks, "edit", 150) == f"\n{blocks[0]}\n\n… and 2 more edits, not shown to save space.\n"
    assert fill_blocks(blocks, "edit", 90) == fill_blocks([], "edit", 90) == ""


@given(random_plans(4), random_findings)
def test_any_plan_keeps_any_limit(random_plan: Plan, findings: list[Any]) -> None:
    """Whatever the texts are, the report is small enough, its folds are closed, and no markup of an image is left."""
    analysis: Analysis = with_plan(changed(image(), advice=Advice(tuple(findings))), random_plan)
    for limit in (2000, 8000, LIMIT):
        text = to_markdown([ReportedImage(analysis=analysis)], limit=limit)
        assert len(text.encode()) <= limit
        page = render(text)
        assert page.count("<details>") == page.count("</details>")
        assert set(re.findall(r"<(\w+)", page)) <= {
            "h3", "p", "strong", "code", "br", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre",
        }  # fmt: skip
