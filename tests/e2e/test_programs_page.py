"""The trace viewer in a real Chromium, on a real server, with the programs that ship."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from chain_bundle import chain_bundle
from codling.serve.page import PAGE
from serving import Serving

pytestmark = pytest.mark.e2e

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
expect.set_options(timeout=15_000)  # the machine may be busy with other tests


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    assert (PAGE / "index.html").is_file(), "the page is not built: run `make page`"
    bundle = chain_bundle(tmp_path_factory.mktemp("bundles"))
    home = tmp_path_factory.mktemp("home")
    with Serving("--model", bundle, env={"CODLING_HOME": str(home)}) as serving:
        yield serving


def test_a_run_is_stepped_through_with_keys_and_lies_in_the_address(
    open_page: Callable[..., Page], serving: Serving
) -> None:
    page = open_page(f"{serving.url}#programs?task=addition&in=96+125&step=17")
    expect(page.locator(".verdict")).to_contain_text("gives 221, which is right")
    expect(page.get_by_text("step 18 of 44")).to_be_visible()
    expect(page.get_by_text("Proved for inputs of any size: 142,080 frames")).to_be_visible()
    expect(page.get_by_label("Calls and decision")).to_contain_text("add1()")
    page.locator(".verdict").click()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("step 19 of 44")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.get_by_text("step 1 of 44")).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator("[data-written], [data-cursor]").first).to_be_visible()
    assert "task=addition" in page.url


def test_another_problem_and_one_that_is_none(open_page: Callable[..., Page], serving: Serving) -> None:
    page = open_page(f"{serving.url}#programs")
    page.get_by_label("Task").select_option("hanoi")
    page.get_by_label("Problem").fill("3")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".verdict")).to_contain_text("which is right")
    expect(page.locator(".disk")).to_have_count(3)
    page.get_by_label("Task").select_option("addition")
    page.get_by_label("Problem").fill("x")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".trouble")).to_contain_text("whole numbers")


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: run `npm ci` in web/")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("state", ["?task=addition&in=96+125&step=17", "?task=hanoi&in=4&step=30"])
def test_nothing_keeps_people_out(
    open_page: Callable[..., Page], serving: Serving, state: str, width: int, scheme: str
) -> None:
    """axe-core's rules: names, roles, contrast, order of headings, what the keyboard reaches."""
    page = open_page(f"{serving.url}#programs{state}", width=width, scheme=scheme)
    expect(page.locator(".verdict")).to_contain_text("which is right")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    wrong = page.evaluate("axe.run().then(found => found.violations.map(v => `${v.id}: ${v.nodes[0].html}`))")
    assert wrong == []
