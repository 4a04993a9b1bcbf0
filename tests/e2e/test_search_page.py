"""The search page in a real Chromium, on a real server with an index of real code."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from chain_bundle import chain_bundle
from codling.serve.page import PAGE
from search_project import write_project
from serving import Serving

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "test-results"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
FIRST = ".hit:first-child"
expect.set_options(timeout=15_000)  # the machine may be busy with other tests


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("code") / "project")


@pytest.fixture(scope="module")
def serving(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    assert (PAGE / "index.html").is_file(), "the page is not built: run `make page`"
    bundle = chain_bundle(tmp_path_factory.mktemp("bundles"))
    home = tmp_path_factory.mktemp("home")
    with Serving("--model", bundle, "--project", root, env={"CODLING_HOME": str(home)}) as serving:
        yield serving


@pytest.fixture
def page(open_page: Callable[..., Page], serving: Serving) -> Page:
    page = open_page(f"{serving.url}#search")
    expect(page.locator(".note")).to_contain_text("files of project")  # it is indexed
    return page


def search(page: Page, query: str) -> None:
    page.get_by_role("searchbox", name="Search code").fill(query)


def test_hits_come_as_one_types_with_what_matched_marked(page: Page) -> None:
    page.keyboard.type("retry with backoff")  # the box has the focus already
    expect(page.locator(f"{FIRST} .hit-link")).to_have_text("retryWithBackoff")
    expect(page.locator(f"{FIRST} .hit-place")).to_have_text("web/retry.ts:2")
    expect(page.locator(f"{FIRST} mark").first).to_have_text("retryWithBackoff")
    expect(page.locator(f"{FIRST} .tok-keyword").first).to_have_text("export")  # its grammar has come
    expect(page.locator(".summary")).to_contain_text(re.compile(r"hits? · [\d.]+ ms"))
    assert page.url.endswith("#search?q=retry%20with%20backoff")
    page.keyboard.press("Escape")
    expect(page.locator(".hit")).to_have_count(0)
    expect(page.locator(".note")).to_contain_text("Find code by")


def test_the_address_brings_everything_back(page: Page, open_page: Callable[..., Page]) -> None:
    search(page, "wrap text")
    page.get_by_role("group", name="Kind").get_by_role("button", name="method").click()
    page.get_by_role("link", name="TextWrapper.fill", exact=True).click()
    expect(page.locator(".viewer-title")).to_contain_text(re.compile(r"src/text/textwrap\.py:\d+–\d+"))
    other = open_page(page.url)
    expect(other.get_by_role("searchbox", name="Search code")).to_have_value("wrap text")
    expect(other.get_by_role("button", name="method")).to_have_attribute("aria-pressed", "true")
    expect(other.locator(".viewer-title")).to_have_text(page.locator(".viewer-title").inner_text())
    expect(other.locator(".viewer .lit").first).to_contain_text("def fill(self, text):")
    expect(other.locator(".viewer .lit").first).to_be_in_viewport()
    expect(other.locator(".hit[data-open] .hit-link")).to_have_text("TextWrapper.fill")


def test_back_and_forward_go_through_what_was_open(page: Page) -> None:
    search(page, "frame")
    page.locator(f"{FIRST} .hit-link").click()
    expect(page.locator(".viewer")).to_be_visible()
    page.go_back()
    expect(page.locator(".viewer")).to_be_hidden()
    expect(page.locator(".hit").first).to_be_visible()
    page.go_forward()
    expect(page.locator(".viewer")).to_be_visible()


def test_everything_can_be_done_from_the_keyboard(page: Page) -> None:
    page.keyboard.type("wrap")
    expect(page.locator(".hit").nth(2)).to_be_visible()
    links = page.locator(".hit-link")
    page.keyboard.press("ArrowDown")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    expect(page.locator(".viewer")).to_be_visible()  # it shows what the keyboard is on
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".viewer-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".viewer")).to_be_hidden()
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("re")  # the slash is no part of it, and what stood there is replaced
    expect(page.get_by_role("searchbox")).to_have_value("re")


def test_enter_opens_the_first_hit_even_before_it_has_come(page: Page) -> None:
    page.keyboard.type("retryWithBackoff")
    page.keyboard.press("Enter")
    expect(page.locator(".viewer-title")).to_contain_text("web/retry.ts:2")


def test_filters_narrow_down_and_let_go(page: Page) -> None:
    search(page, "read a text frame")
    language = page.get_by_role("group", name="Language")
    language.get_by_role("button", name="Go").click()
    expect(page.locator(".hit-place").first).to_contain_text("wire/frame.go")
    for place in page.locator(".hit-place").all_inner_texts():
        assert "wire/frame.go" in place
    expect(language.get_by_role("button", name="Python")).to_be_visible()  # what one could choose otherwise
    assert "lang=go" in page.url
    expect(language.get_by_role("button", name="Go")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".hit-place", has_text="src/")).not_to_have_count(0)
    search(page, "zzyzx")
    page.goto(f"{page.url.split('#')[0]}#search?q=wire%20zzyzx&lang=ruby")
    page.get_by_role("button", name="Search without the filters").click()
    expect(page.locator(".hit").first).to_be_visible()


def test_why_a_hit_is_where_it_is(page: Page) -> None:
    search(page, "split shell words")
    page.locator(FIRST).get_by_role("button", name="Why this hit").click()
    why = page.locator(f"{FIRST} .why")
    expect(why).to_contain_text("Score")
    assert why.locator(".why-bar").count() >= 1
    why.get_by_text("What the indexes say").click()
    expect(why).to_contain_text("Words (BM25)")
    expect(why.locator("dt", has_text="name").first).to_be_visible()


def test_related_code_and_the_way_back(page: Page) -> None:
    search(page, "TextWrapper.fill")
    expect(page.locator(f"{FIRST} .hit-link")).to_have_text("TextWrapper.fill")
    page.locator(FIRST).get_by_role("button", name="Related code: TextWrapper.fill").click()
    expect(page.locator(".subject")).to_contain_text("Code like src/text/textwrap.py:")
    expect(page.locator(f"{FIRST} .hit-link")).not_to_have_text("TextWrapper.fill")
    assert "like=project:src/text/textwrap.py:" in page.url
    page.get_by_role("button", name="back to the search").click()
    expect(page.locator(f"{FIRST} .hit-link")).to_have_text("TextWrapper.fill")


def test_a_line_has_an_address_and_a_name_leads_to_its_definition(page: Page) -> None:
    search(page, "ReadFrame")
    page.locator(f"{FIRST} .hit-link").click()
    expect(page.locator(".viewer .lit").first).to_be_visible()
    page.locator(".viewer .cm-lineNumbers .cm-gutterElement", has_text=re.compile("^4$")).click()
    expect(page.locator(".viewer .lit")).to_have_count(1)
    assert page.url.endswith("&file=project:wire/frame.go:4")
    page.locator(".viewer .tok-typeName", has_text="Frame").first.click(modifiers=["ControlOrMeta"])
    expect(page.locator(".subject")).to_contain_text("Definitions of Frame")
    expect(page.locator(".hit-link")).to_have_text(["Frame", "frame"])  # the struct, then the file of that name


def test_a_query_that_cannot_be_read_says_why_and_keeps_the_hits(page: Page) -> None:
    search(page, "frame")
    expect(page.locator(".hit").first).to_be_visible()
    search(page, "re:/(/")
    expect(page.locator(".complaint")).to_contain_text("is no regular expression")
    expect(page.locator(".hit").first).to_be_visible()
    search(page, r"re:/func \w+Frame/")
    expect(page.locator(".complaint")).to_have_count(0)
    expect(page.locator(f"{FIRST} .line", has=page.locator("mark")).first).to_contain_text("func ReadFrame")
    assert "".join(page.locator(f"{FIRST} mark").all_text_contents()) == "func ReadFrame"


def test_a_file_that_is_not_indexed_is_not_shown(page: Page) -> None:
    page.goto(f"{page.url.split('#')[0]}#search?file=project:secret/token.py:1")
    expect(page.locator(".viewer")).to_contain_text("is not in the index")
    expect(page.locator(".viewer")).not_to_contain_text("do-not-show")


def test_a_new_file_is_found_without_reloading(page: Page, root: Path) -> None:
    search(page, "sendHeartbeat")
    expect(page.locator(".hit-link", has_text="sendHeartbeat")).to_have_count(0)
    (root / "web" / "beat.ts").write_text("export function sendHeartbeat(): void {}\n")
    expect(page.locator(f"{FIRST} .hit-link")).to_have_text("sendHeartbeat")
    (root / "web" / "beat.ts").unlink()


def test_a_slow_answer_is_overtaken_by_the_next(page: Page) -> None:
    asked: list[str] = []

    def slowly(route: Route) -> None:
        asked.append(route.request.post_data or "")
        if '"frame"' in asked[-1]:
            time.sleep(1.0)
        route.continue_()

    page.route("**/api/search", slowly)
    search(page, "frame")
    while not asked:
        page.wait_for_timeout(20)
    search(page, "retryWithBackoff")
    expect(page.locator(f"{FIRST} .hit-link")).to_have_text("retryWithBackoff")
    page.wait_for_timeout(1200)
    expect(page.locator(f"{FIRST} .hit-link")).to_have_text("retryWithBackoff")
    assert len(asked) == 2


def test_a_server_that_comes_back_is_asked_again(page: Page) -> None:
    page.route("**/api/search", lambda route: route.abort())
    search(page, "frame")
    expect(page.locator("#status")).to_contain_text("does not answer")
    page.unroute("**/api/search")
    expect(page.locator(f"{FIRST} .hit-link")).to_be_visible()


def test_progress_is_shown_while_an_index_is_made(page: Page) -> None:
    busy = {"name": "big", "root": "/big", "state": "indexing", "done": 1200, "total": 18_962, "files": 0, "units": 0}
    failed = busy | {"name": "gone", "state": "failed", "error": "/gone is no folder"}
    rest = {"neural": False, "languages": {}, "kinds": {}, "error": None}
    repos = [rest | busy, rest | failed]
    page.route("**/api/search/repos", lambda route: route.fulfill(json={"repos": repos}))
    page.reload()
    expect(page.locator(".progress")).to_contain_text("Indexing big: 1,200 of 18,962 files")
    assert page.locator("progress").get_attribute("max") == "18962"
    expect(page.get_by_role("alert")).to_have_text("gone cannot be searched: /gone is no folder")


def test_without_a_project_the_page_says_how_to_name_one(open_page: Callable[..., Page], tmp_path: Path) -> None:
    with Serving("--model", chain_bundle(tmp_path)) as serving:
        page = open_page(f"{serving.url}#search")
        expect(page.locator(".note")).to_contain_text("codling serve --project")
        page.keyboard.type("x")
        expect(page.locator(".note")).to_contain_text("no project to search")


def test_views_are_tabs_that_remember_where_they_were(page: Page) -> None:
    search(page, "frame")
    expect(page.locator(".hit").first).to_be_visible()
    page.get_by_role("link", name="Playground").click()
    expect(page.locator(".editor")).to_be_visible()
    expect(page.locator(".search")).to_be_hidden()
    assert page.title() == "codling"
    page.get_by_role("link", name="Search").click()
    expect(page.get_by_role("searchbox")).to_have_value("frame")
    expect(page.locator(".hit").first).to_be_visible()
    assert page.title() == "Search – codling"


@pytest.mark.parametrize(
    ("name", "width", "height", "scheme"),
    [("light", 1280, 800, "light"), ("dark", 1280, 800, "dark"), ("phone", 390, 780, "dark")],
)
def test_it_fits(
    open_page: Callable[..., Page], serving: Serving, name: str, width: int, height: int, scheme: str
) -> None:
    page = open_page(f"{serving.url}#search?q=wrap%20text", width=width, height=height, scheme=scheme)
    expect(page.locator(f"{FIRST} mark").first).to_be_visible()
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"search-{name}.png")
    page.locator(f"{FIRST} .hit-link").click()
    expect(page.locator(".viewer .lit").first).to_be_in_viewport()
    page.screenshot(path=SHOTS / f"search-{name}-file.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if name == "phone":
        expect(page.locator(".results")).to_be_hidden()
        page.get_by_role("button", name="← Hits").click()
        expect(page.locator(f"{FIRST} .hit-link")).to_be_visible()


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: run `npm ci` in web/")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    "state", ["", "?q=wrap%20text", "?q=re:/(/", "?file=project:wire/frame.go:12-20", "?q=x&lang=ruby"]
)
def test_nothing_keeps_people_out(
    open_page: Callable[..., Page], serving: Serving, state: str, width: int, scheme: str
) -> None:
    """axe-core's rules: names, roles, contrast, order of headings, what the keyboard reaches."""
    page = open_page(f"{serving.url}#search{state}", width=width, scheme=scheme)
    shown = {"": ".note", "?q=wrap%20text": ".snippet mark", "?q=re:/(/": ".complaint", "?q=x&lang=ruby": ".chip"}
    expect(page.locator(shown.get(state, ".viewer .lit")).first).to_be_visible()
    if "wrap" in state:
        page.get_by_role("button", name="Why this hit").first.click()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    wrong = page.evaluate("axe.run().then(found => found.violations.map(v => `${v.id}: ${v.nodes[0].html}`))")
    assert wrong == []
