"""The HTML page in a real browser: headless Chromium, driven by Debian's chromedriver, with the network switched off."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from ocisize import Analysis, Analyzer, analyze, compare
from ocisize.errors import InvalidGlob
from ocisize.model.packages import DEB
from ocisize.globs import Component, Glob, parse_glob
from ocisize.report.diff_subject import DiffSubject
from ocisize.report.html.diff import diff_to_html
from ocisize.report.html.page import to_html
from ocisize.report.html.data import MAX_SIZE
from ocisize.report.options import ReportOptions
from ocisize.report.packages.html import write_html
from ocisize.sizes.packages import list_packages
from ocisize.report.words.units import human_size
from ocisize.text import printable
from tests.gates import image
from tests.inventories import analysis_with, make_inventory, make_package, sizes, sums_of
from tests.plans import plan, with_plan
from tests.tools import program
from tests.images import Entries, build_image, layer, write_layout

EXAMPLE = Path(__file__).parent.parent.parent / "testdata" / "example.tar"
HOSTILE = [
    "<img src=x onerror=document.title='harmed'>",
    "</script><script>alert(1)",
    "\u202egnp.exe",
    "__proto__",
    "caf\udce9",
]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser that has no network and logs what the page complains about and asks for."""
    chromium, chromedriver = program("chromium"), program("chromedriver")
    options = Options()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server",
                     "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(chromedriver))
    browser.set_page_load_timeout(30)
    browser.set_script_timeout(30)
    yield browser
    browser.quit()


class Report:
    """A page in the browser, with the actions of a reader."""

    def __init__(
        self, driver: webdriver.Chrome, path: Path, *, width: int = 1200, theme: str = "light", marked: bool = True
    ) -> None:
        self.driver = driver
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": theme}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        driver.get("about:blank")
        self.complaints()  # of the page before
        self.requests()
        driver.get(path.as_uri())
        if marked:
            self.wait("return document.documentElement.dataset.ready === 'true'")

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str) -> None:
        WebDriverWait(self.driver, 20, 0.02).until(lambda _: self.run(script))

    def _log(self, name: str) -> list[Any]:
        return list(self.driver.get_log(name))  # type: ignore[no-untyped-call]

    def complaints(self) -> list[Any]:
        return self._log("browser")

    def requests(self) -> list[str]:
        messages = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        return [
            message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"
        ]

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        return list(
            self.run("return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)", selector)
        )

    def choose(self, name: str, value: str) -> None:
        self.run("document.querySelector(`input[name=${arguments[0]}][value=${arguments[1]}]`).click()", name, value)

    def open(self, path: str, fragment: str = "") -> None:
        """Load the page again at an address."""
        self.driver.get("about:blank")
        self.driver.get(f"{path}{fragment}")
        self.wait("return document.documentElement.dataset.ready === 'true'")

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    @property
    def address(self) -> str:
        return str(self.run("return decodeURIComponent(location.hash)"))

    def search(self, text: str) -> None:
        self.filter(search=text)
        self.wait(f"return page.filter.search === {json.dumps(text)}")

    def filter(self, **values: str) -> None:
        for name, value in values.items():
            if name == "search":
                self.run("const box = document.getElementById('search'); box.value = arguments[0];"
                         "box.dispatchEvent(new Event('input'))", value)  # fmt: skip
            else:
                Select(self.find(f"#{name}")).select_by_visible_text(value)

    @property
    def files(self) -> list[list[str]]:
        """The rows of the table that are in the document, cell by cell."""
        rows = self.run("return [...document.querySelectorAll('#files tbody tr:not(.spacer)')]"
                        ".map((row) => [...row.children].map((cell) => cell.textContent))")  # fmt: skip
        return list(rows)

    @property
    def contents(self) -> dict[str, str]:
        """Names and sizes in the list beside the treemap."""
        return dict(zip(self.texts("#contents .name"), self.texts("#contents .size"), strict=True))

    @property
    def status(self) -> str:
        return self.find("#status").text

    @property
    def crumbs(self) -> str:
        return "".join(self.texts("#crumbs > *"))

    def picture(self) -> str:
        return str(self.run("return document.getElementById('canvas').toDataURL()"))

    def block(self, name: str) -> dict[str, float]:
        """Where the treemap has drawn an item."""
        script = """const found = page.treemap.blocks.find(({ item }) => page.treemap.itemName(item) === arguments[0]);
                    return found && { x: found.x, y: found.y, width: found.width, height: found.height };"""
        return dict(self.run(script, name))

    def point_at(self, name: str, *, inside: float = 0.5) -> ActionChains:
        """The pointer moved over a block, ``inside`` of its height from the top."""
        canvas, block = self.find("#canvas"), self.block(name)
        self.run("arguments[0].scrollIntoView({ block: 'center' })", canvas)
        x = block["x"] + block["width"] / 2 - canvas.size["width"] / 2
        y = block["y"] + block["height"] * inside - canvas.size["height"] / 2
        return ActionChains(self.driver).move_to_element_with_offset(canvas, int(x), int(y))


def write_page(analysis: Analysis, folder: Path, *, data_size: int = MAX_SIZE) -> Path:
    path = folder / "report.html"
    path.write_text(to_html(analysis, data_size=data_size), encoding="utf-8")
    return path


def analysis_of(tmp_path: Path, *layers: Entries) -> Analysis:
    folder = write_layout(build_image([layer(entries) for entries in layers]), tmp_path / "layout")
    return Analyzer(platform="linux/amd64").analyze(str(folder))


@pytest.fixture(scope="module")
def example() -> Analysis:
    return analyze(str(EXAMPLE))


@pytest.fixture(scope="module")
def example_page(example: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(example, tmp_path_factory.mktemp("page"))


@pytest.fixture
def report(driver: webdriver.Chrome, example_page: Path) -> Iterator[Report]:
    """The example's page; no action leaves an error in the console."""
    opened = Report(driver, example_page)
    yield opened
    assert opened.complaints() == []


def test_opens_offline_without_complaint(report: Report, example: Analysis) -> None:
    """The page requests nothing else, and shows the whole image first."""
    assert {url.partition(":")[0] for url in report.requests()} <= {"file", "data"}
    assert len([url for url in report.requests() if url.startswith("file:")]) <= 1
    listed = sum(1 for layer in example.layers for entry in layer.files or () if entry.size)
    download, unpacked = human_size(example.compressed_size), human_size(example.content_size)
    assert report.status == f"{listed} files with content, {download} to download, {unpacked} unpacked"
    assert report.crumbs == "/"
    assert list(report.contents)[:3] == ["bin/", "usr/", "var/"]
    assert report.files[0][-1] == "/bin/busybox"
    assert len(set(report.picture())) > 20


def test_click_zooms_and_crumbs_lead_back(report: Report) -> None:
    """A click on a directory opens it, on a file the directory it is in; the path above leads back."""
    report.point_at("common-licenses/", inside=0.01).click().perform()
    assert report.crumbs == "/›usr›share›common-licenses"
    assert "GPL-3" in report.contents
    assert all(row[-1].startswith("/usr/share/common-licenses/") for row in report.files)
    report.run("document.querySelectorAll('#crumbs button')[1].click()")
    assert report.crumbs == "/›usr"
    report.run("document.querySelector('#crumbs button').click()")
    assert report.crumbs == "/"
    report.point_at("busybox").click().perform()
    assert report.crumbs == "/›bin"


def test_tip_tells_what_is_under_the_pointer(report: Report) -> None:
    """Over a block the tip has its path, sizes, state and build step; it goes with the pointer."""
    report.point_at("busybox").perform()
    tip = report.find("#tip").text
    for text in ("/bin/busybox", "1.08 MB to download", "1.98 MB unpacked", "live", "Layer 0: "):
        assert text in tip
    ActionChains(report.driver).move_to_element(report.find("#explorer-title")).perform()
    assert not report.find("#tip").is_displayed()


def test_toggle_changes_areas(report: Report, example: Analysis) -> None:
    """Areas and shares are in proportion to the bytes of the chosen measure."""
    canvas = report.find("#canvas").size
    picture, contents = report.picture(), report.contents
    for measure, total, size in (
        ("download", example.compressed_size or 0, 1_077_000),
        ("size", example.content_size, 1_980_000),
    ):
        report.choose("measure", measure)
        block = report.block("busybox")
        share = block["width"] * block["height"] / (canvas["width"] * canvas["height"])
        assert share == pytest.approx(size / total, abs=0.06)
    assert report.picture() != picture
    assert report.contents["bin/"] != contents["bin/"]
    assert report.find("#files th[aria-sort]").text.startswith("Size")


def test_colors_follow_layer_state_and_type(report: Report) -> None:
    """The legend names the colors, and the picture changes with them."""
    pictures = {report.picture()}
    assert [text.partition(" · ")[0] for text in report.texts("#legend li")] == [
        *(f"Layer {index}" for index in range(5)), "Waste",
    ]  # fmt: skip
    report.choose("color", "state")
    assert {text.partition(" · ")[0] for text in report.texts("#legend li")} == {"deleted", "metadata-only", "live", "Waste"}
    pictures.add(report.picture())
    report.choose("color", "type")
    assert "programs" in report.texts("#legend li")[0]
    pictures.add(report.picture())
    assert len(pictures) == 3


def test_filters_filter_everything(report: Report, example: Analysis) -> None:
    """Table, sums, list and treemap show the files that pass all filters, and all files when the filters are cleared."""
    picture = report.picture()
    report.filter(state="waste")
    assert {row[-1] for row in report.files} == {f"/{entry.path}" for entry in example.waste}
    assert f"{human_size(example.wasted_size)} unpacked" in report.status
    assert set(report.contents) == {"var/", "app/"}
    assert report.picture() != picture
    report.filter(state="deleted")
    assert len(report.files) == 2
    report.run("document.getElementById('reset').click()")
    report.filter(layer="Layer 2")
    assert {row[2] for row in report.files} == {"2"}
    report.filter(layer="all", type="documentation")
    assert {row[4] for row in report.files} == {"documentation"}
    report.filter(type="all", search="ETC/mime")
    report.wait("return page.filter.search !== ''")
    assert [row[-1] for row in report.files] == ["/etc/mime.types"]
    assert list(report.contents) == ["etc/"]
    report.filter(search="nothing is called so")
    report.wait("return document.querySelector('#files tbody').children.length === 2")
    assert report.status.startswith("0 files")
    report.run("document.getElementById('reset').click()")
    assert report.picture() == picture


def test_search_is_a_substring_of_the_whole_path(report: Report, example: Analysis) -> None:
    """As Python's ``in`` on lower-case paths, for names, directories and across slashes."""
    paths = [f"/{entry.path}" for layer in example.layers for entry in layer.files or () if entry.size]
    for search in ("a", "lic", "e/d", "/usr/share/doc/", "s/GPL", ".types", "/", "/bin/busybox"):
        report.filter(search=search)
        report.wait(f"return page.filter.search === {json.dumps(search)}")
        found = report.run("return Array.from(page.table.rows, (row) => rowPath(page.model, row))")
        assert sorted(found) == sorted(path for path in paths if search.lower() in path.lower()), search


def test_columns_sort_both_ways(report: Report) -> None:
    """A click on a head sorts by its column, a second click reverses the order."""
    for column in ("Size", "Path", "Layer", "State", "File type", "Download"):
        orders = []
        for _ in range(2):
            report.run("[...document.querySelectorAll('#files th button')].find((each) => each.textContent === arguments[0])"
                       ".click()", column)  # fmt: skip
            orders.append(report.find("#files th[aria-sort]").get_attribute("aria-sort"))
            key = report.find("#files th[aria-sort]").get_attribute("class")
            script = """const { model, rows, order } = page.table; const rank = page.table.rank(order.key);
                        return Array.from(rows, (row) => rank[row]);"""
            ranks = report.run(script)
            assert ranks == sorted(ranks, reverse=orders[-1] == "descending"), key
        assert sorted(map(str, orders)) == ["ascending", "descending"]
    report.run("page.table.order = { key: 'path', descending: false }; page.table.sort(); page.table.show()")
    assert report.files[0][-1] == "/app/mime.types"


def test_layers_filter_by_click_and_key(report: Report) -> None:
    """The bar has a button per layer; arrow keys move along it, Enter chooses a layer, Enter again clears the choice."""
    buttons = "return [...document.querySelectorAll('#layers button')]"
    assert report.run(f"{buttons}.map((each) => each.tabIndex)") == [0, -1, -1, -1, -1]
    report.run("document.querySelector('#layers button').focus()")
    ActionChains(report.driver).send_keys(Keys.ARROW_RIGHT, Keys.ENTER).perform()
    assert {row[2] for row in report.files} == {"1"}
    assert "apt-get install" in report.find("#tip").text
    assert report.run(f"{buttons}.map((each) => each.ariaPressed)")[1] == "true"
    ActionChains(report.driver).send_keys(Keys.ENTER).perform()
    assert len({row[2] for row in report.files}) > 1


def test_keyboard_reaches_everything(report: Report) -> None:
    """Tab leads through all controls; Enter opens a directory, Escape goes up, and the focus stays in the list."""
    reached = []
    report.run("document.activeElement.blur(); scrollTo(0, 0)")
    for _ in range(60):
        ActionChains(report.driver).send_keys(Keys.TAB).perform()
        active = "const it = document.activeElement; return it.id || it.name || it.closest('[id]')?.id || it.localName"
        reached.append(report.run(active))
    order = [name for name in dict.fromkeys(reached) if name in (
        "theme", "measure", "color", "search", "layer", "state", "type", "reset", "layers", "canvas", "contents", "legend", "files")]  # fmt: skip
    assert order == [
        "theme", "measure", "color", "search", "layer", "state", "type", "reset", "layers", "canvas", "contents", "legend", "files",
    ]  # fmt: skip
    report.run("document.querySelector('#contents button').focus()")
    ActionChains(report.driver).send_keys(Keys.ENTER).perform()
    assert report.crumbs == "/›bin"
    ActionChains(report.driver).send_keys(Keys.ESCAPE).perform()
    assert report.crumbs == "/"
    assert report.run("return document.activeElement.closest('#contents') !== null")


def test_filters_go_up_to_the_deepest_folder_that_matches(report: Report) -> None:
    """A filter that nothing in the open folder passes shows the deepest folder above it with matches; clearing it returns."""
    report.run("page.open(findDirectory(page.model, '/usr/share/doc/media-types'))")
    report.filter(layer="Layer 0")
    assert report.crumbs == "/›usr›share›doc"
    assert report.contents
    report.search("mozilla")
    report.filter(layer="all")
    assert report.crumbs == "/›usr›share"
    report.run("document.getElementById('reset').click()")
    assert report.crumbs == "/›usr›share›doc›media-types"


def test_nothing_is_explained_in_place_of_a_blank_treemap(report: Report) -> None:
    """Without matches, or without bytes of the chosen size, the treemap's place says so and has a button that helps."""
    assert not report.find("#nothing").is_displayed()
    report.search("nothing is called so")
    assert report.find("#nothing-text").text == "No files match these filters."
    report.find("#nothing-button").click()
    assert not report.find("#nothing").is_displayed()
    assert report.crumbs == "/"
    report.choose("measure", "size")
    report.filter(layer="Layer 3")  # only a marker of a deletion
    assert report.find("#nothing-text").text == "What matches the filters has no bytes unpacked."
    report.find("#nothing-button").click()
    assert not report.find("#nothing").is_displayed()
    assert report.run("return page.measure") == "download"


GLOBS = [
    "*.pyc", "/usr/*", "/usr/*/", "usr/", "**/lib/*.so", "/**/x", "a/**", "lib*.s[op]", "[!a-c]*.js", "[[]id].js", "x[]]y", "/a/**/b",
    "???.txt", "caf?", "/*/x/", "[a-z]/x", "**/node_modules/**/*.md", "*.*", "[^a]x", "*", "**", "a**b", "[", "x/../y", "a//b", "[z-a]",
    "/", "./a", "[!]", "a/**/", "\U0001f600?", "[\U0001f600-\U0001f64f]*",
]  # fmt: skip
PATHS = [
    "usr/a.pyc", "usr/lib/b.pyc", "usr/x", "lib/c.so", "x", "a/x", "a/b", "a/c/d/b", "lib1.so", "lib.sp", "d.js", "a.js", "[id].js",
    "x]y", "abc.txt", "ab.txt", "caf\u00e9", "q/x/y/z", "node_modules/p/README.md", "node_modules/p/node_modules/q/A.md", "^x", "bx",
    "usr/usr/deep", "usr/file", "\U0001f600a", "a/usr/lib/k.so",
]  # fmt: skip


def test_globs_of_the_search_are_those_of_budgets(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """Every glob finds the files that ocisize.globs finds, and is refused where that refuses it."""
    report = Report(driver, write_page(analysis_of(tmp_path, {path: b"x" for path in PATHS}), tmp_path))
    script = """const { model } = page; return arguments[0].map((text) => {
        try {
          const search = searchGlob(model, parseGlob(text));
          const rows = Array.from({ length: model.rowCount }, (_, row) => row).filter((row) => isListed(model, row));
          return rows.filter((row) => search.inside[model.directoryOf[row]] || search.finds(row)).map((row) => rowPath(model, row));
        } catch { return null; } })"""
    found = report.run(script, GLOBS)
    for text, paths in zip(GLOBS, found, strict=True):
        try:
            glob = parse_glob(text)
        except InvalidGlob:
            assert paths is None, text
            continue
        assert sorted(paths) == sorted(f"/{path}" for path in PATHS if glob_matches(glob, path)), text


def glob_matches(glob: Glob, path: str) -> bool:
    """Whether a glob matches a file, as a slow but simple walk over all ways to match."""
    names = path.split("/")
    starts = [0] if glob.anchored else range(len(names))

    def match(components: Sequence[Component], left: list[str]) -> bool:
        if not components:
            return not left
        if components[0].text == "**":
            return any(match(components[1:], left[start:]) for start in range(len(left) + 1))
        return bool(left) and components[0].make_test()(left[0].encode()) and match(components[1:], left[1:])

    if glob.directory:  # the file itself is none
        return any(match(glob.components[:-1], names[start:end]) for start in starts for end in range(start + 1, len(names)))
    return any(match(glob.components, names[start:]) for start in starts)


def test_a_glob_never_ends_in_nothing(report: Report) -> None:
    """A glob of folders shows all that is in them, a broken one shows everything and says what is wrong with it."""
    report.search("doc*")
    assert report.find("#search-note").text == "The glob matches a folder, and no file: all that is in it is shown."
    assert all("/doc/" in row[-1] for row in report.files)
    report.search("[a")
    assert report.find("#search-note").text == "The glob has a '[' without a ']'. All paths are shown."
    assert report.find("#search").get_attribute("aria-invalid") == "true"
    assert report.files[0][-1] == "/bin/busybox"
    report.search("*.types")
    assert {row[-1] for row in report.files} == {"/app/mime.types", "/etc/mime.types"}
    assert report.find("#search").get_attribute("aria-invalid") == "false"


def test_the_address_keeps_the_view(report: Report, example_page: Path) -> None:
    """Folder, layer and search are in the address; it opens the same view, and Back and Forward go through the views."""
    report.run("page.open(findDirectory(page.model, '/usr/share'))")
    assert report.address == "#path=/usr/share"
    report.filter(layer="Layer 0")
    report.search("GPL-*")
    assert report.address == "#path=/usr/share&layer=0&search=GPL-*"
    shown, address = report.files, report.run("return location.hash")
    report.driver.back()
    report.wait("return page.filter.search === ''")
    assert (report.crumbs, report.run("return page.filter.layer")) == ("/›usr›share", 0)
    report.driver.back()
    report.driver.back()
    report.wait("return page.directory === 0")
    assert report.address == ""
    report.driver.forward()
    report.wait("return page.directory !== 0")
    report.open(example_page.as_uri(), address)
    assert report.files == shown
    assert report.find("#search").get_attribute("value") == "GPL-*"
    for odd in ("#path=/usr/gone/x", "#layer=99&state=x&type=%zz", "#path=%ff&color=%", "#plan-title"):
        report.open(example_page.as_uri(), odd)
        assert report.contents


def test_a_link_within_the_page_leaves_the_view(report: Report) -> None:
    """The links to sections change the address, and not the folder that is open."""
    report.run("page.open(findDirectory(page.model, '/usr/share'))")
    report.run("document.querySelector('a[href=\"#plan-title\"]').click()")
    assert report.crumbs == "/›usr›share"
    report.driver.back()
    report.wait("return location.hash === '#path=/usr/share'")
    assert report.crumbs == "/›usr›share"


def test_the_keyboard_walks_the_treemap(report: Report) -> None:
    """Arrows choose a block, which is marked, described and read out; Enter opens it; Escape goes up and chooses it again."""
    canvas = report.find("#canvas")
    assert (canvas.get_attribute("role"), canvas.get_attribute("aria-label")) == ("application", "Treemap of /")
    report.find("#reset").send_keys(Keys.TAB, Keys.TAB)
    assert report.run("return document.activeElement.id") == "canvas"
    live = "return document.getElementById('map-live').textContent"
    assert report.run(live).startswith("/bin/. 1.08 MB to download")
    assert report.run("return getComputedStyle(document.getElementById('canvas')).outlineStyle") == "solid"
    assert report.find("#mark").is_displayed()
    report.press(Keys.ARROW_RIGHT)
    assert report.run(live).startswith("/usr/")
    report.press(Keys.ARROW_DOWN)
    assert report.run(live).startswith("/var/")
    report.press(Keys.ARROW_LEFT)
    assert report.run(live).startswith("/bin/")
    report.press(Keys.ARROW_RIGHT, Keys.ENTER)
    assert report.crumbs.startswith("/›usr")
    assert report.run("return document.activeElement.id") == "canvas"
    report.press(Keys.ESCAPE)
    while report.crumbs != "/":
        report.press(Keys.ESCAPE)
    assert report.run(live).startswith("/usr/")
    report.press(Keys.END)
    assert report.find("#mark").is_displayed()


def test_waste_is_seen_in_live_folders(report: Report, example: Analysis) -> None:
    """A stripe is as wide as the share of waste, also in a folder that is drawn as one block; list and legend have its bytes."""
    script = """const { treemap } = page; const found = treemap.blocks.findLast(({ item }) => treemap.itemName(item) === arguments[0]);
        const copy = new OffscreenCanvas(treemap.canvas.width, treemap.canvas.height).getContext("2d", { willReadFrequently: true });
        copy.drawImage(treemap.canvas, 0, 0);
        const { data } = copy.getImageData(found.x + 1, found.y + (arguments[1] ?? found.height) - 2, found.width - 2, 1);
        let red = 0; for (let at = 0; at < data.length; at += 4) red += data[at] === 139 && data[at + 1] === 0 ? 1 : 0;
        return red / (data.length / 4);"""
    report.choose("measure", "size")
    assert report.run(script, "busybox") == 0
    wasted = sum(entry.size for entry in example.waste if entry.path.startswith("app/"))
    stored = sum(entry.size for layer in example.layers for entry in layer.files or () if entry.path.startswith("app/"))
    assert report.run(script, "app/", 17) == pytest.approx(wasted / stored, abs=0.06)
    assert dict(zip(report.contents, report.texts("#contents .waste"), strict=True))["app/"] == f"{human_size(wasted)} waste"
    assert f"Waste · {human_size(example.wasted_size)}" in report.texts("#legend li")


def test_every_tile_leads_somewhere(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """All bytes have a tile, each open folder has a name that can be read, and what is too small to draw is in the list."""
    entries = {f"d{number % 9}/e{number % 4}/f{number:05}": b"x" * (number % 97 + 1) for number in range(3000)}
    report = Report(driver, write_page(analysis_of(tmp_path, entries, {"big": b"y" * 3_000_000}), tmp_path))
    report.choose("measure", "size")
    framed = """return page.treemap.blocks.filter(({ item, width, height }) =>
        page.treemap.blocks.some(({ parent }) => parent === item.directory) && item.directory >= 0).every(({ width }) => width > 40)"""
    assert report.run(framed)
    rest = "return page.treemap.blocks.find(({ item, parent }) => item.directory < 0 && item.row < 0 && parent === page.directory)"
    report.run("page.open(findDirectory(page.model, '/d0/e0'))")
    block = report.run(rest) or report.run("return page.treemap.blocks.at(-1)")
    report.run("page.openBlock(arguments[0])", block)
    assert report.run("return document.querySelectorAll('#contents .pointed').length") == 1
    assert report.complaints() == []


def test_prints_light_and_whole(report: Report) -> None:
    """On paper the page is light, keeps the treemap with its list, and leaves out what only works on a screen."""
    report.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert report.find("#canvas").is_displayed()
    assert not report.find("#search").is_displayed()
    assert not report.find("#files").is_displayed()
    report.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_code_can_be_copied(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """Each block of code has a button that selects it, and copies it where the browser allows that."""
    report = Report(driver, write_page(with_plan(image()), tmp_path))
    assert len(report.texts("button.copy")) == len(report.texts("pre")) == 3
    report.find("button.copy").click()
    report.wait("return document.querySelector('button.copy').textContent !== 'Copy'")
    assert report.run("return getSelection().toString()") == plan().edits[0].text
    assert report.complaints() == []


def test_findings_lead_to_their_fix(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """The link of a finding scrolls to the step of the plan that fixes it."""
    report = Report(driver, write_page(with_plan(image()), tmp_path))
    report.run("for (const folded of document.querySelectorAll('details')) folded.open = true")
    report.run("document.querySelector('a[href=\"#fix-1\"]').click()")
    assert report.find(":target h3").text == "1. apt archives left behind"


def test_light_and_dark(driver: webdriver.Chrome, example_page: Path) -> None:
    """The page follows the reader's setting, and the button changes page and treemap against it."""
    background = "return getComputedStyle(document.body).backgroundColor"
    light, dark = (Report(driver, example_page, theme=theme) for theme in ("light", "dark"))
    picture, seen = dark.picture(), dark.run(background)
    dark.find("#theme").click()
    assert dark.run(background) != seen
    assert dark.picture() != picture
    assert light.complaints() == []


CONTRASTS = """
const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
const read = (color) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  return canvas.getImageData(0, 0, 1, 1).data;
};
const light = (color) => {
  const [red, green, blue] = [...read(color)].slice(0, 3).map((byte) => byte / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const contrast = (one, other) => {
  const [less, more] = [light(one), light(other)].sort((a, b) => a - b);
  return (more + 0.05) / (less + 0.05);
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (read(color)[3] > 0) return color;
  }
  return 'white';
};
for (const each of document.querySelectorAll('details')) each.open = true;
const found = {};
for (const each of document.querySelectorAll('body *')) {
  const style = getComputedStyle(each);
  if (!each.checkVisibility() || each.closest('script, style')) continue;
  if ([...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) {
    found[`text of ${each.localName}.${each.className}`] = [contrast(style.color, behind(each)), 4.5];
  }
  if (each.matches('select, input[type=search], .choice, #theme, #reset')) {
    found[`edge of ${each.localName}#${each.id}`] = [contrast(style.borderTopColor, behind(each.parentElement)), 3];
  }
}
return found;
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(theme: str, driver: webdriver.Chrome, tmp_path: Path, example: Analysis) -> None:
    """The contrast of text is at least 4.5, that of the edges of controls at least 3: WCAG 2.2 AA."""
    page = write_page(attrs.evolve(example, plan=plan()), tmp_path)
    found = Report(driver, page, theme=theme).run(CONTRASTS)
    assert len(found) > 20
    assert {name: ratio for name, (ratio, least) in found.items() if ratio < least} == {}


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 768), ("light", 1280)])
def test_a_page_of_a_comparison(theme: str, width: int, driver: webdriver.Chrome, tmp_path: Path) -> None:
    """It fits its width, has enough contrast, loads nothing, and its names stay text; bars are as wide as the change."""
    name = HOSTILE[0].replace("/", "_")
    before = analysis_of(tmp_path / "1", {f"d/{name}": b"x" * 4000, "shrank": b"s" * 9000})
    after = analysis_of(tmp_path / "2", {f"d/{name}": b"y" * 12_000, "shrank": b"s" * 5000})
    path = tmp_path / "diff.html"
    subject = DiffSubject.of(compare(before, after), ReportOptions())
    path.write_text(diff_to_html(subject), encoding="utf-8")
    report = Report(driver, path, width=width, theme=theme)
    assert {url.partition(":")[0] for url in report.requests()} <= {"file", "data"}
    assert report.run("return document.documentElement.scrollWidth") <= width
    assert any(name in text for text in report.texts("#changed-files-title ~ .scroll code"))
    assert report.run("return document.images.length") == 0
    widths = report.run("return [...document.querySelectorAll('#changed-files-title ~ .scroll rect:not(.middle)')]"
                        ".map((bar) => Number(bar.getAttribute('width')))")  # fmt: skip
    assert widths[:2] == [50, 25]
    found = report.run(CONTRASTS)
    assert {name: ratio for name, (ratio, least) in found.items() if ratio < least} == {}
    assert report.complaints() == []


def test_the_treemap_of_a_comparison_has_the_colors_of_changes(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """It is of the image after: each kind of change has a color, and the legend and the filter show its files only."""
    before = analysis_of(
        tmp_path / "1", {"same": b"1" * 9000, "grew": b"2" * 2000, "shrank": b"3" * 9000, "gone": b"4" * 900}
    )
    new = {"same": b"1" * 9000, "grew": b"2" * 9000, "shrank": b"3" * 4000, "d/added": b"5" * 8000}
    path = tmp_path / "diff.html"
    comparison = compare(before, analysis_of(tmp_path / "2", new))
    path.write_text(diff_to_html(DiffSubject.of(comparison, ReportOptions())), encoding="utf-8")
    report = Report(driver, path)
    report.choose("measure", "size")
    assert [text.replace(" · ", " ") for text in report.texts("#legend li")] == [
        "grew 9.00 kB", "added 8.00 kB", "shrank 4.00 kB", "unchanged 9.00 kB",
    ]  # fmt: skip
    colors = report.run(
        "const { ofKind } = page.coloring; return page.model.names.map((_, row) => ofKind[page.model.kindOf[row]])"
    )
    names = report.run("return page.model.names")
    assert len({color for color, name in zip(colors, names, strict=True) if name}) == 4
    assert set(report.contents) == {"same", "grew", "shrank", "d/"}
    picture = report.picture()
    report.filter(change="added")
    assert {row[-1] for row in report.files} == {"/d/added"}
    assert "change=added" in report.address
    report.open(path.as_uri(), "#change=grew&size=unpacked")
    assert {row[-1] for row in report.files} == {"/grew"}
    report.run("document.getElementById('reset').click()")
    assert report.picture() == picture
    report.point_at("grew").perform()
    assert "grew" in report.find("#tip").text
    report.choose("color", "layer")
    assert report.picture() != picture
    assert report.complaints() == []


def test_an_image_has_no_changes_to_choose(report: Report) -> None:
    """What belongs to comparisons is not on the page of one image."""
    assert not any(part.is_displayed() for part in report.driver.find_elements(By.CSS_SELECTOR, ".of-comparison"))
    report.open(report.driver.current_url.partition("#")[0], "#color=change&change=grew")
    assert report.run("return [page.color, page.filter.change]") == ["layer", None]


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_fits_its_width(width: int, driver: webdriver.Chrome, tmp_path: Path, example: Analysis) -> None:
    """Nothing is wider than the window, and the treemap takes its share of it."""
    report = Report(driver, write_page(attrs.evolve(example, plan=plan()), tmp_path), width=width)
    assert report.run("return document.documentElement.scrollWidth") <= width
    assert report.find("#canvas").size["width"] > width * 0.6
    assert report.files
    wide = "return [...document.querySelectorAll('#files th button')].filter((button) => {"
    wide += "const text = document.createRange(); text.selectNodeContents(button);"
    wide += "return button.scrollWidth > button.clientWidth || text.getBoundingClientRect().width > button.clientWidth})"
    wide += ".map((button) => button.textContent)"
    assert report.run(wide) == []  # no header is wider than its column


def test_names_stay_text(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """Hostile names are text in list, table, tip and crumbs, and change nothing."""
    path = "/".join(name.replace("/", "_") for name in HOSTILE)
    entries = {f"{name.replace('/', '_')}/{path}{number}": b"x" * 500 for number, name in enumerate(HOSTILE)}
    analysis = analysis_of(tmp_path, entries, {path: b"y"})
    report = Report(driver, write_page(analysis, tmp_path))
    shown = [row[-1] for row in report.files]
    assert sorted(shown) == sorted(f"/{printable(name)}" for name in [*entries, path])
    report.choose("measure", "size")
    for _ in range(5):
        report.run("document.querySelector('#contents button').click()")
    assert report.crumbs.count("›") == 5
    assert report.run("return document.images.length + document.scripts.length") == 2
    assert report.driver.title.endswith(" - ocisize")
    assert report.complaints() == []


def test_policy_stops_injected_scripts(driver: webdriver.Chrome, example_page: Path) -> None:
    """The policy stops the script of an injected element, and all requests."""
    report = Report(driver, example_page)
    report.run("const made = document.createElement('script'); made.textContent = 'window.harmed = true';"
               "document.body.append(made);"
               "document.body.insertAdjacentHTML('beforeend', '<i onclick=\"window.harmed = true\" style=\"color: red\">x</i>');"
               "document.querySelector('i').click()")  # fmt: skip
    assert report.run("return window.harmed === undefined")
    result = report.driver.execute_async_script(
        "const done = arguments[0]; fetch('http://127.0.0.1:9/').then(() => done('sent'), () => done('stopped'))"
    )
    assert result == "stopped"
    assert any("Content Security Policy" in entry["message"] for entry in report.complaints())


def test_many_files_are_scrolled_not_built(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """Of 20,000 files only those in view are in the document, and the last one can be scrolled to."""
    entries = {f"d{number % 50}/f{number:05}": b"x" * (number % 97 + 1) for number in range(20_000)}
    report = Report(driver, write_page(analysis_of(tmp_path, entries), tmp_path))
    assert report.status.startswith("20,000 files with content, ")
    assert len(report.files) < 100
    report.run("const box = document.getElementById('files'); box.scrollTop = box.scrollHeight")
    report.wait("return document.querySelector('#files tbody').lastElementChild.firstChild.offsetHeight < 30")
    last = report.run("return rowPath(page.model, page.table.rows.at(-1))")
    assert report.files[-1][-1] == last
    assert report.find("#files table").get_attribute("aria-rowcount") == "20001"
    assert report.complaints() == []


def test_combined_files_are_counted(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """A page with too little room shows the count and bytes of the files that it does not list; sums stay exact."""
    entries = {f"d{number % 5}/f{number:05}": b"x" * (number + 1) for number in range(2000)}
    analysis = analysis_of(tmp_path, entries)
    report = Report(driver, write_page(analysis, tmp_path, data_size=20_000))
    report.choose("measure", "size")
    listed = report.run("return page.table.rows.length")
    least = report.run("return page.model.least")
    assert listed == 2000 - (least - 1)
    size = sum(range(1, least))
    note = report.find("#unlisted").text
    assert f"{least - 1:,} files of less than {human_size(least)} (" in note
    assert f"{human_size(size)} unpacked)" in note
    assert report.run("return page.view.sums[0]") == analysis.content_size
    report.filter(search="f0")
    report.wait("return page.filter.search !== ''")
    assert len(report.files)
    assert (
        report.find("#unlisted").text
        == f"{least - 1:,} entries are combined without their names; search cannot find them by name."
    )
    report.filter(search="d1/")
    report.wait("return page.filter.search === 'd1/'")
    assert "files of less than" in report.find("#unlisted").text  # by the directory they are in
    report.run("document.getElementById('reset').click()")
    assert "search" not in report.find("#unlisted").text
    assert report.complaints() == []


def test_a_saved_analysis_and_an_empty_one_open(driver: webdriver.Chrome, tmp_path: Path, example: Analysis) -> None:
    """Without file tables the page lists the wasted files and combines the others; without files it lists nothing."""
    from ocisize import from_json, to_json

    report = Report(driver, write_page(from_json(to_json(example)), tmp_path))
    assert len(report.files) == len(example.waste)
    assert "files that the saved analysis does not list" in report.find("#unlisted").text
    assert report.status.startswith(f"{example.file_count} files, ")
    assert report.complaints() == []
    report = Report(driver, write_page(analysis_of(tmp_path), tmp_path))
    assert report.status.startswith("0 files")
    assert report.complaints() == []


def test_the_page_of_packages(driver: webdriver.Chrome, tmp_path: Path) -> None:
    """The treemap has the packages, in the colors of their kinds, and every byte; hostile names harm nothing."""
    inventory = make_inventory()
    odd = tuple(make_package(DEB, name, "1", sizes(700, 300)) for name in HOSTILE)
    overhead = sum(layer.overhead_size or 0 for layer in analyze(str(EXAMPLE)).layers)
    inventory = attrs.evolve(inventory, packages=(*inventory.packages, *odd), overhead_size=overhead)
    page, text = tmp_path / "packages.html", io.StringIO()
    write_html(analysis_with(inventory), inventory, list_packages(inventory, count=2), text)
    page.write_text(text.getvalue(), "utf-8")
    report = Report(driver, page)
    figures = sums_of(inventory)
    assert report.run("return page.color") == "type"
    assert report.run("return page.view.sums[0]") == figures["compressed_size"]
    report.choose("measure", "size")
    assert report.run("return page.view.sums[0]") == figures["content_size"]
    assert report.run("return page.view.waste[0]") == figures["wasted_size"]
    assert report.texts("#files-title") == ["Packages in all kinds"]
    assert "opens a kind" in report.texts("#map-help")[0]
    assert {"deb", "python", "not owned: cache"} <= {row[4] for row in report.files}
    report.search("torch")
    assert [row[-2:] for row in report.files] == [["python/torch 2.2.0", "asked for"]]
    report.search("")
    report.filter(state="waste")
    assert {row[3] for row in report.files} == {"waste"}
    assert ["deb/libssl3 3.0.11-1 (replaced)", "replaced by 3.0.12-1"] in [row[-2:] for row in report.files]
    assert report.complaints() == []
    assert driver.title.startswith("Packages of ")
