"""The trace viewer in a real Chromium, on a real server, with the programs that ship."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from chain_bundle import chain_bundle
from codling.serve.page import PAGE
from npi_models import damaged
from serving import Serving

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "test-results"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
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
    page = open_page(f"{serving.url}#programs?task=addition&in=96+125&step=18")
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


def test_a_long_run_is_watched_as_far_as_it_goes_and_waits_while_nobody_looks(
    open_page: Callable[..., Page], serving: Serving
) -> None:
    page = open_page(f"{serving.url}#programs?task=hanoi&in=24&step=5001")
    expect(page.locator(".verdict")).to_have_text(
        "hanoi 24 was stopped after 5,000 steps: it was not done, and may have had far to go"
    )
    expect(page.get_by_text("stopped after 5000 steps", exact=True)).to_be_visible()
    expect(page.get_by_label("Calls and decision")).to_contain_text("the run was stopped here")
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator(".trace-count")).not_to_have_text("step 1 of 5000")
    page.get_by_role("link", name="Playground").click()
    expect(page.get_by_role("link", name="Playground")).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="Programs").click()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    step = page.locator(".trace-count").inner_text()
    page.wait_for_timeout(600)  # more than two steps at this speed
    assert page.locator(".trace-count").inner_text() == step != "step 1 of 5000"


def test_of_a_long_result_the_ends_are_shown(open_page: Callable[..., Page], serving: Serving) -> None:
    page = open_page(f"{serving.url}#programs?task=hanoi&in=8")
    result = page.locator(".verdict .right")
    expect(result).to_have_text(re.compile(r"^a>b( [abc]>[abc])+[ abc>]* … [ abc>]+$"))
    page.get_by_role("button", name="Show all 1,019 characters").click()
    expect(result).to_have_text(re.compile(r"^[abc]>[abc]( [abc]>[abc]){254}$"))


def test_where_it_left_its_teacher_is_marked(open_page: Callable[..., Page], tmp_path: Path) -> None:
    """Two actions of quicksort are exchanged in the network: a bundle as it must not be."""
    damaged(tmp_path / "home" / "bundles" / "npi", "Pivots.swap", "Pivots.place")
    bundle = chain_bundle(tmp_path)
    with Serving("--model", bundle, env={"CODLING_HOME": str(tmp_path / "home")}) as serving:
        page = open_page(f"{serving.url}#programs?task=quicksort&in=3+1+2")
        expect(page.locator(".verdict")).to_have_text("quicksort 3 1 2 gives 2 3 1, but the answer is 1 2 3")
        expect(page.get_by_text("Not proved:")).to_be_visible()
        mark, line = page.locator(".timeline-mark").bounding_box(), page.locator(".timeline").bounding_box()
        assert mark and line
        assert (mark["x"] + mark["width"] / 2 - line["x"]) / line["width"] == pytest.approx(3 / 24, abs=0.01)
        expect(page.locator(".otherwise")).to_have_count(0)
        page.get_by_role("button", name="First divergence: step 4").click()
        expect(page.get_by_text("step 4 of 24")).to_be_visible()
        expect(page.locator(".decided")).to_contain_text("place()")
        expect(page.locator(".otherwise")).to_have_text("The teacher does swap() here.")
        page.screenshot(path=SHOTS / "programs-divergence.png")
        page.get_by_label("Task").select_option("hanoi")  # of another task every answer is right
        expect(page.locator(".verdict")).to_contain_text("which is right")
        expect(page.locator(".timeline-mark")).to_have_count(0)
        expect(page.locator(".to-mark")).to_be_hidden()


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
@pytest.mark.parametrize("state", ["?task=addition&in=96+125&step=18", "?task=hanoi&in=4&step=31"])
def test_nothing_keeps_people_out(
    open_page: Callable[..., Page], serving: Serving, state: str, width: int, scheme: str
) -> None:
    """axe-core's rules: names, roles, contrast, order of headings, what the keyboard reaches."""
    page = open_page(f"{serving.url}#programs{state}", width=width, scheme=scheme)
    expect(page.locator(".verdict")).to_contain_text("which is right")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    wrong = page.evaluate("axe.run().then(found => found.violations.map(v => `${v.id}: ${v.nodes[0].html}`))")
    assert wrong == []
