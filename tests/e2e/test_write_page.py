"""The page of programs from descriptions in a real Chromium, on a real server, with the bundle that ships."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from browser import wait_until
from chain_bundle import chain_bundle
from codling.serve.page import PAGE
from serving import Serving

pytestmark = pytest.mark.e2e

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
IMPORT = "import module os.path"
SORT = "sort list `xs` by the second element of each tuple"
expect.set_options(timeout=15_000)  # the machine may be busy with other tests


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    assert (PAGE / "index.html").is_file(), "the page is not built: run `make page`"
    bundle = chain_bundle(tmp_path_factory.mktemp("bundles"))
    home = tmp_path_factory.mktemp("home")
    with Serving("--model", bundle, env={"CODLING_HOME": str(home)}) as serving:
        yield serving


def address(serving: Serving, *rows: tuple[str, object]) -> str:
    return f"{serving.url}#write?{urlencode(rows)}"


def test_a_description_becomes_candidates_and_a_tree(open_page: Callable[..., Page], serving: Serving) -> None:
    page = open_page(f"{serving.url}#write")
    page.get_by_label("What the program should do").fill(IMPORT)
    page.keyboard.press("Enter")
    expect(page.locator(".write-note")).to_have_text(re.compile(r"^\d programs in [\d.]+ m?s, the likeliest first$"))
    expect(page.locator(".candidate pre").first).to_have_text("import os.path")
    expect(page.get_by_label("Code", exact=True)).to_have_text("import os.path")
    expect(page.get_by_role("treeitem").first).to_have_text("Module")
    assert "q=import+module+os.path" in page.url
    second = page.locator(".candidate pre").nth(1).inner_text()
    page.locator(".candidate").nth(1).click()
    expect(page.get_by_label("Code", exact=True)).to_have_text(second)
    page.wait_for_url(re.compile("pick=2"))
    page.reload()
    expect(page.get_by_label("Code", exact=True)).to_have_text(second)


def test_the_tree_grows_by_keys_and_by_playing(open_page: Callable[..., Page], serving: Serving) -> None:
    page = open_page(address(serving, ("q", IMPORT)))
    tree = page.get_by_role("treeitem")
    expect(page.get_by_text("complete, after 6 steps")).to_be_visible()
    names = tree.all_inner_texts()
    assert names == ["Module", "Import", "module_alias", "os.path"]
    page.locator(".write-note").click()
    page.keyboard.press("Home")
    expect(page.get_by_text("step 1 of 6")).to_be_visible()
    expect(tree).to_have_count(1)
    page.keyboard.press("ArrowRight")
    expect(tree).to_have_count(2)
    page.wait_for_url(re.compile("step=2"))
    page.get_by_label("Speed").select_option("60 steps/s")
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_text("complete, after 6 steps")).to_be_visible()
    expect(tree).to_have_count(len(names))
    page.wait_for_url(lambda url: "step=" not in url)


def test_a_part_of_the_tree_shows_the_words_that_it_came_from(open_page: Callable[..., Page], serving: Serving) -> None:
    page = open_page(address(serving, ("q", "return self.name")))
    copied = page.get_by_role("treeitem", name="name as attr of Attribute, copied from the description")
    copied.hover()
    expect(page.locator(".word[data-copied]")).to_have_text(["name"])
    expect(page.locator(".written-code [data-looked]")).to_have_text("name")
    expect(page.locator(".origin")).to_contain_text("copied from the description")
    page.locator(".written-code").get_by_text("self", exact=True).hover()
    expect(page.locator(".decided")).to_contain_text("self as id of Name")
    copied.click()  # and stay there
    page.locator(".write-note").hover()
    expect(page.locator(".decided")).to_contain_text("name as attr of Attribute")
    page.keyboard.press("ArrowUp")
    expect(page.locator(".decided")).to_contain_text("Attribute as value of Return")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".decided")).to_contain_text("Return as body of Module")


def test_examples_are_run_and_marked(open_page: Callable[..., Page], serving: Serving) -> None:
    page = open_page(f"{serving.url}#write")
    page.get_by_label("What the program should do").fill("return `s`")
    page.get_by_text("Examples of what it should give").click()
    page.get_by_label("Inputs of example 1").fill("s='abc'")
    page.get_by_label("Value of example 1").fill("'abc'")
    page.get_by_role("button", name="Add an example").click()
    page.get_by_label("Inputs of example 2").fill("s=''")
    page.get_by_label("Value of example 2").fill("''")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.locator(".write-note")).to_contain_text("all examples", timeout=40_000)
    first = page.locator(".candidate").first
    expect(first.locator("[data-passed]")).to_have_count(2)
    expect(first).to_contain_text("s='abc'='abc' passes")
    page.get_by_label("Value of example 2").fill("'nothing gives this'")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.locator(".write-note")).to_contain_text("passes all examples, in", timeout=40_000)
    expect(page.locator(".candidate").first).to_contain_text("gives ''")
    page.get_by_role("button", name="Remove example 2").click()
    expect(page.get_by_label("Inputs of example 2")).to_have_count(0)


def test_samples_are_one_click_away_and_what_is_wrong_is_said(open_page: Callable[..., Page], serving: Serving) -> None:
    page = open_page(f"{serving.url}#write")
    page.get_by_role("button", name=SORT).click()
    expect(page.get_by_label("Code", exact=True)).to_contain_text("x[1]")
    page.get_by_label("What the program should do").fill("   ")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.locator(".trouble")).to_have_text("the description has no words")
    expect(page.locator(".candidate")).to_have_count(0)
    page.go_back()
    expect(page.get_by_label("Code", exact=True)).to_contain_text("x[1]")
    expect(page.locator(".trouble")).to_be_hidden()


def test_in_the_playground_a_comment_offers_its_program(open_page: Callable[..., Page], serving: Serving) -> None:
    page = open_page(serving.url)
    editor = page.locator(".cm-content")
    editor.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    page.keyboard.type("# import module os.path\n")
    expect(page.locator(".ghost")).to_have_text("import os.path")
    page.keyboard.press("Tab")
    expect(page.locator(".cm-line").nth(1)).to_have_text("import os.path")
    page.get_by_label("Programs from comments").uncheck()
    editor.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    page.keyboard.type("# import module os.path\n")
    page.wait_for_timeout(600)
    expect(page.locator(".ghost")).to_have_count(0)
    page.reload()
    expect(page.get_by_label("Programs from comments")).not_to_be_checked()


def test_without_a_model_that_is_said(open_page: Callable[..., Page], tmp_path: Path) -> None:
    bundle = chain_bundle(tmp_path)
    (tmp_path / "home" / "bundles" / "write").mkdir(parents=True)
    (tmp_path / "home" / "bundles" / "write" / "card.json").write_text("{}", encoding="utf-8")
    with Serving("--model", bundle, env={"CODLING_HOME": str(tmp_path / "home")}) as serving:
        page = open_page(f"{serving.url}#write")
        expect(page.get_by_text("There is no model here that writes programs.")).to_be_visible()
        expect(page.get_by_label("What the program should do")).to_be_hidden()


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: run `npm ci` in web/")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("rows", [[("q", SORT), ("step", 12)], [("q", "return `s`"), ("e", "s='abc'='abc'")]])
def test_nothing_keeps_people_out(
    open_page: Callable[..., Page], serving: Serving, rows: list[tuple[str, object]], width: int, scheme: str
) -> None:
    """axe-core's rules: names, roles, contrast, order of headings, what the keyboard reaches."""
    page = open_page(address(serving, *rows), width=width, scheme=scheme)
    expect(page.get_by_role("treeitem").first).to_be_visible(timeout=40_000)
    # what is born fades in
    wait_until(page, "document.getAnimations().every(each => each.playState !== 'running')")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    wrong = page.evaluate("axe.run().then(found => found.violations.map(v => `${v.id}: ${v.nodes[0].html}`))")
    assert wrong == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing reaches out of the screen"


def test_what_is_wrong_with_an_example_is_said_and_marked(open_page: Callable[..., Page], serving: Serving) -> None:
    page = open_page(f"{serving.url}#write")
    page.get_by_label("What the program should do").fill("return `s`")
    page.get_by_text("Examples of what it should give").click()
    inputs = page.get_by_label("Inputs of example 1")
    inputs.fill("s=red")
    page.get_by_label("Value of example 1").fill("3")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.locator(".trouble")).to_contain_text("a string stands in quotes, as 'red'")
    expect(inputs).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("What the program should do")).not_to_have_attribute("aria-invalid", "true")
    inputs.fill("s='red'")
    page.get_by_label("Value of example 1").fill("'red'")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.locator(".write-note")).to_contain_text("all examples", timeout=40_000)
    expect(inputs).not_to_have_attribute("aria-invalid", "true")


def test_programs_of_low_scores_are_said_to_be_none(open_page: Callable[..., Page], serving: Serving) -> None:
    page = open_page(f"{serving.url}#write")
    page.get_by_label("What the program should do").fill("fibonacci whales of the seven seas")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.locator(".write-note")).to_contain_text("probably none of what was meant")
