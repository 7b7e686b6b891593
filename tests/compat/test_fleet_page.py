"""The page of a fleet in a real browser: no network, no complaints, any width, keyboard, sorting and filtering."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from ocisize.report.fleet.html import to_html
from tests.compat.test_page import Report, driver as driver
from tests.fleet.made import fleet_of, hostile_fleet
from tests.fleets import many_images
from tests.report.fleet.test_reports import subject_of


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "fleet.html"
    path.write_text(to_html(subject_of(fleet_of(many_images(60, 80, size=3000, repositories=25)))))
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "hostile.html"
    path.write_text(to_html(subject_of(hostile_fleet())))
    return path


@pytest.mark.parametrize("width", [1280, 768, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_fit_the_screen(driver: webdriver.Chrome, page: Path, hostile: Path, width: int, theme: str) -> None:
    """Nothing is wider than the screen but what has its own scroll bar; the browser complains about nothing."""
    for path in (page, hostile):
        report = Report(driver, path, width=width, theme=theme, marked=False)
        assert report.run("return document.documentElement.scrollWidth <= window.innerWidth")
        assert report.run("return document.title.length > 0 && document.title !== 'harmed'")
        assert not report.complaints()
        assert not [url for url in report.requests() if not url.startswith(("file:", "data:"))]


def images(report: Report) -> list[str]:
    return report.texts("#images-title ~ .scroll tbody tr:not([hidden]) td:nth-child(6) code")


def sizes(report: Report, column: int) -> list[int]:
    script = "return [...document.querySelectorAll('#images-title ~ .scroll tbody tr')].map((row) => +row.cells[arguments[0]].dataset.value)"
    return list(report.run(script, column))


def test_a_heading_sorts_by_keyboard(driver: webdriver.Chrome, page: Path) -> None:
    """The first press puts the largest first, the next one the smallest; names sort as text."""
    report = Report(driver, page, marked=False)
    assert sizes(report, 0) == sorted(sizes(report, 0), reverse=True)
    report.run("document.querySelectorAll('#images-title ~ .scroll th button')[3].focus()")
    report.press(Keys.ENTER)
    assert sizes(report, 3) == sorted(sizes(report, 3), reverse=True)
    assert report.find("#images-title ~ .scroll th:nth-child(4)").get_attribute("aria-sort") == "descending"
    report.press(Keys.SPACE)
    assert sizes(report, 3) == sorted(sizes(report, 3))
    report.run("document.querySelectorAll('#images-title ~ .scroll th button')[4].click()")
    names = images(report)
    assert names == report.run("return arguments[0].toSorted((a, b) => a.localeCompare(b))", names)
    assert len(report.driver.find_elements("css selector", "[aria-sort]")) == 1


def test_words_filter_the_images(driver: webdriver.Chrome, page: Path) -> None:
    """Only rows with all words stay, and a status says how many; an empty field shows all."""
    report = Report(driver, page, marked=False)
    field = report.find("#images-title ~ .filter input")
    field.send_keys("app7 V")
    assert sorted(images(report)) == ["many/app7:v32", "many/app7:v57", "many/app7:v7"]
    assert report.find("#images-title ~ .filter [role=status]").text == "3 of 60"
    field.send_keys(Keys.BACKSPACE * 6)
    assert len(images(report)) == 60


def test_tables_are_reached_by_keyboard(driver: webdriver.Chrome, page: Path) -> None:
    """Regions with a scroll bar take the focus and have the name of their section."""
    report = Report(driver, page, width=390, marked=False)
    regions = report.run("""return [...document.querySelectorAll('.scroll')].map((region) =>
        [region.tabIndex, document.getElementById(region.getAttribute('aria-labelledby')).textContent])""")
    assert all(index == 0 and name for index, name in regions)
    report.run("document.querySelector('.matrix').parentElement.focus()")
    report.press(Keys.ARROW_RIGHT)
    report.wait("return document.querySelector('.matrix').parentElement.scrollLeft > 0")


def test_shades_can_be_read(driver: webdriver.Chrome, page: Path) -> None:
    """Text has a contrast of 4.5 on the darkest shade of the matrix, in both themes."""
    script = """
        const cell = document.querySelector('.matrix .heat-2');
        cell.className = 'heat-10';
        const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        const luminance = (color) => {
            context.fillStyle = color;
            context.fillRect(0, 0, 1, 1);
            const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((part) => part / 255)
                .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const style = getComputedStyle(cell);
        const [low, high] = [luminance(style.color), luminance(style.backgroundColor)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    """
    for theme in ("light", "dark"):
        assert Report(driver, page, theme=theme, marked=False).run(script) >= 4.5


def test_print_has_all_but_controls(driver: webdriver.Chrome, page: Path) -> None:
    report = Report(driver, page, marked=False)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = "return getComputedStyle(document.querySelector(arguments[0])).display === 'none'"
    assert report.run(hidden, ".filter")
    assert report.run(hidden, "#theme")
    assert report.run("return getComputedStyle(document.querySelector('.tall')).maxHeight") == "none"
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
