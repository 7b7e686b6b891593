"""Base, system and cost in the reports."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from ocisize import Analysis, Analyzer, from_json, to_json
from ocisize.model.base import BaseImage, BaseMethod
from ocisize.sizes.cost import CostAssumptions, default_assumptions, parse_cost
from ocisize.model.base import BaseCertainty
from ocisize.model.base import BaseSplit
from ocisize.model.system import OperatingSystem, Runtime, System
from ocisize.sizes.layers import split_at_base
from ocisize.report.words.context import describe_context
from ocisize.report.text.full import write_sections
from ocisize.report.words.units import human_dollars, human_seconds
from tests.images import build_image, layer, write_docker_archive, write_layout

IMAGE = build_image([layer({"a": b"a" * 900}), layer({"b": b"b" * 600, "c": b"c"}), layer({"d": b"d" * 500, ".wh.c": b""})])
BASE = BaseImage(2, "docker.io/library/debian:12", None, BaseMethod.CREATED, BaseCertainty.LIKELY)


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    folder = write_layout(IMAGE, tmp_path_factory.mktemp("context") / "layout")
    return attrs.evolve(Analyzer(platform="linux/amd64").analyze(folder), compressed_size=250_000_000)


def lines(analysis: Analysis, assumptions: CostAssumptions | None = None) -> dict[str, tuple[str, str]]:
    return {name: (figure, note) for name, figure, note in describe_context(analysis, assumptions or default_assumptions())}


def with_base(analysis: Analysis, base: BaseImage) -> Analysis:
    return attrs.evolve(analysis, base=split_at_base(analysis.layers, base))


def test_base_and_own_part(analysis: Analysis) -> None:
    """Name, layers, how it was found and how sure that is; then what was built on it."""
    download = [len(built.blob) for built in IMAGE.layers]
    found = lines(with_base(analysis, BASE))
    assert found["Base"] == (
        f"{download[0] + download[1]} B", "docker.io/library/debian:12: layers 0 to 1 (probably), since the build paused above; --base IMAGE makes it certain"
    )  # fmt: skip
    assert found["Yours"] == (f"{download[2]} B", "1 file, 500 B live")


@pytest.mark.parametrize("method", [method for method in BaseMethod if method is not BaseMethod.NAMED])
def test_every_method_has_words(analysis: Analysis, method: BaseMethod) -> None:
    """However the base was found, the report says so; a guess names the way to certainty."""
    note = lines(with_base(analysis, BaseImage(1, None, None, method, BaseCertainty.GUESS)))["Base"][1]
    assert note.startswith("layer 0 (perhaps), ")
    assert note.endswith("; --base IMAGE makes it certain")


def test_a_base_of_which_only_the_name_is_known(analysis: Analysis) -> None:
    """No figure is made up, and nothing is called one's own."""
    found = lines(with_base(analysis, BaseImage(0, "team/base:1", None, BaseMethod.NAMED, BaseCertainty.GUESS)))
    assert found["Base"] == ("?", "team/base:1; its layers are unknown")
    assert "Yours" not in found


def test_the_system_on_one_line(analysis: Analysis) -> None:
    """As much as is known, in one order."""
    system = System(
        os=OperatingSystem("debian", "Debian GNU/Linux 12", "12"),
        package_manager="dpkg",
        packages=1261,
        libc="glibc",
        runtimes=(Runtime("python", "Python", "3.12", "x", 1), Runtime("node", "Node.js", "", "y", 2)),
    )
    note = "Debian GNU/Linux 12, 1,261 packages (dpkg), glibc, Python 3.12 (layer 1), Node.js (layer 2)"
    assert lines(attrs.evolve(analysis, system=system))["System"] == ("", note)
    assert lines(attrs.evolve(analysis, system=System(package_manager="rpm")))["System"] == ("", "rpm")
    assert "System" not in lines(analysis)


def test_cost_with_its_assumptions(analysis: Analysis) -> None:
    """250 MB: 20 s and 2 s; 50 pulls a day are 4,562.5 GB a year."""
    sizes = (250_000_000, 0, 0)
    layers = tuple(attrs.evolve(layer, compressed_size=size) for layer, size in zip(analysis.layers, sizes, strict=True))
    analysis = attrs.evolve(analysis, layers=layers)
    found = lines(analysis)
    assert found["Pull"] == (
        "20.1 to 21.3 s",
        "at 100 Mbps, 2.1 to 3.3 s at 1 Gbps, from a fast host to a slow one; the transfer alone takes 20.0 s and 2.0 s",
    )
    assert found["Egress"] == ("$411", "a year, assumed 10 deploys/day, 5 nodes, $0.09/GB (--cost)")
    other = lines(analysis, parse_cost("bandwidth=512kbps,nodes=2.5,price=1"))
    assert other["Pull"] == (
        "1 h 05 min", "at 512 kbps, from a fast host to a slow one; the transfer alone takes 1 h 05 min"
    )  # fmt: skip
    assert other["Egress"] == ("$2,281", "a year, 10 deploys/day, 2.5 nodes, $1/GB (--cost)")


def test_an_unknown_download_has_no_cost(analysis: Analysis) -> None:
    """Neither in the text nor in JSON; one of nothing costs nothing."""
    assert not {"Pull", "Egress"} & set(lines(attrs.evolve(analysis, compressed_size=None)))
    cost = json.loads(to_json(attrs.evolve(analysis, compressed_size=None)))["cost"]["image"]
    assert cost == {"transfer_seconds": None, "yearly_bytes": None, "yearly_dollars": None}
    assert lines(attrs.evolve(analysis, compressed_size=0))["Egress"][0] == "$0.00"


def text_of(analysis: Analysis, **options: Any) -> str:
    file = io.StringIO()
    write_sections(analysis, file, **options)
    return file.getvalue()


def test_findings_cost_where_it_is_asked(analysis: Analysis) -> None:
    """Dollars beside findings are for those who state their assumptions."""
    finding = analysis.advice.findings[0]
    analysis = attrs.evolve(
        analysis, advice=attrs.evolve(analysis.advice, findings=(attrs.evolve(finding, size=10**8, compressed_size=10**7),))
    )
    assert "/year" not in text_of(analysis)
    assert "$16/year" in text_of(analysis, assumptions=default_assumptions())


def test_json_has_all_of_it(analysis: Analysis) -> None:
    """Found base, both parts, system, and a cost for each finding in their order."""
    document = json.loads(to_json(with_base(analysis, BASE), assumptions=parse_cost("deploys=1,nodes=1,price=2")))
    assert document["base"]["found"] == {
        "layers": 2, "name": "docker.io/library/debian:12", "digest": None, "method": "created", "certainty": "likely",
    }  # fmt: skip
    assert document["base"]["base"]["content_size"] + document["base"]["own"]["content_size"] == analysis.content_size
    assert document["base"]["own"]["efficiency"] == 1.0
    assert document["system"]["runtimes"] == []
    assert document["cost"]["assumptions"]["bandwidths"] == [100_000_000, 1_000_000_000]
    assert document["cost"]["image"]["yearly_dollars"] == pytest.approx(0.25 * 365 * 2)
    assert len(document["cost"]["findings"]) == len(analysis.advice.findings) > 0


@pytest.mark.parametrize("base", [BASE, BaseImage(0, "x", None, BaseMethod.NAMED, BaseCertainty.GUESS)])
def test_base_and_system_come_back(analysis: Analysis, base: BaseImage) -> None:
    """What was saved is what is read; documents from before there was a base are read, too."""
    system = System(os=OperatingSystem("a", "b", "c"), runtimes=(Runtime("node", "Node.js", "", "y", 2),))
    back = from_json(to_json(attrs.evolve(with_base(analysis, base), system=system)))
    assert isinstance(back.base, BaseSplit)
    assert (back.base, back.system) == (split_at_base(analysis.layers, base), system)
    document = json.loads(to_json(analysis))
    for name in ("base", "system", "cost"):
        del document[name]
    assert (from_json(json.dumps(document)).base, from_json(json.dumps(document)).system) == (None, System())


def test_hostile_names_are_escaped(analysis: Analysis) -> None:
    """Nothing in annotations, os-release and paths can steer a terminal or break JSON."""
    bad = "\x1b[31m\r\n\u202e\udce9"
    base = BaseImage(1, bad, bad, BaseMethod.FROM, BaseCertainty.SURE)
    system = System(os=OperatingSystem(bad, bad, bad), runtimes=(Runtime("python", "Python", "3", bad, 0),))
    hostile = attrs.evolve(with_base(analysis, base), system=system)
    assert not set(text_of(hostile, width=100)) & set("\x1b\r\u202e\udce9")
    assert to_json(hostile).encode("ascii")
    assert max(map(len, text_of(hostile, width=60).splitlines())) <= 60


def test_plain_archives_show_content(tmp_path: Path) -> None:
    """Where the download is unknown the parts have their content; where the download is estimated they have estimates."""
    write_docker_archive(IMAGE, tmp_path / "app.tar")
    estimated = lines(with_base(Analyzer().analyze(tmp_path / "app.tar"), BASE))
    assert all(estimated[name][0].startswith("≈ ") for name in ("Base", "Yours"))
    analysis = Analyzer(estimate_download=False).analyze(tmp_path / "app.tar")
    found = lines(with_base(analysis, BASE))
    assert (found["Base"][0], found["Yours"][0]) == ("1.50 kB", "500 B")
    assert all(found[name][1].startswith("unpacked; ") for name in ("Base", "Yours"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.00 s"), (0.994, "0.99 s"), (0.996, "1.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (125, "2 min 05 s"),
     (3599.4, "59 min 59 s"), (3600, "1 h 00 min"), (90_000, "25 h 00 min")],
)  # fmt: skip
def test_human_seconds(seconds: float, text: str) -> None:
    """Short times with a fraction, long ones in whole seconds or minutes."""
    assert human_seconds(seconds) == text


@pytest.mark.parametrize(("amount", "text"), [(0, "$0.00"), (9.994, "$9.99"), (9.996, "$10"), (1234.5, "$1,234")])
def test_human_dollars(amount: float, text: str) -> None:
    """Cents only where they matter."""
    assert human_dollars(amount) == text


def test_runtimes_do_not_fill_the_screen(analysis: Analysis) -> None:
    """Of many runtimes the first are named, the others are counted."""
    runtimes = tuple(Runtime("python", "Python", f"3.{number}", f"usr/bin/python3.{number}", 0) for number in range(2000))
    note = lines(attrs.evolve(analysis, system=System(runtimes=runtimes)))["System"][1]
    assert note.endswith("Python 3.7 (layer 0), 1,992 more runtimes")
