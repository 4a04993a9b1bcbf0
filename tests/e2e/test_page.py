"""The page in a real Chromium, on a real server, with a model whose answers are known beforehand."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from browser import wait_until
from chain_bundle import LINE, chain_bundle
from codling.serve.page import PAGE
from serving import Serving
from tiny_bundle import tiny_bundle

pytestmark = pytest.mark.e2e

SHOTS = Path(__file__).parents[2] / "test-results"
expect.set_options(timeout=15_000)  # the machine may be busy with other tests
MOD_RIGHT = "ControlOrMeta+ArrowRight"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    folder = tmp_path_factory.mktemp("bundles")
    others = tiny_bundle(folder, name="tiny"), tiny_bundle(folder, name="tiny-java", language="java")
    return ["--model", chain_bundle(folder), "--model", others[0], "--model", others[1]]


@pytest.fixture(scope="module")
def serving(models: list[str | Path]) -> Iterator[Serving]:
    assert (PAGE / "index.html").is_file(), "the page is not built: run `make page`"
    with Serving(*models) as serving:
        yield serving


@pytest.fixture
def page(open_page: Callable[..., Page], serving: Serving) -> Page:
    page = open_page(serving.url)
    clear(page)
    return page


def clear(page: Page) -> None:
    page.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")


def code(page: Page) -> str:
    """What stands in the editor, ghost text left out."""
    text = page.locator(".cm-content").evaluate(
        """content => [...content.querySelectorAll(".cm-line")].map(line => {
             const copy = line.cloneNode(true);
             copy.querySelectorAll(".ghost").forEach(ghost => ghost.remove());
             return copy.textContent;
           }).join("\\n")"""
    )
    assert isinstance(text, str)
    return text.replace("\u200b", "")


def ghost(page: Page) -> str:
    return page.locator(".ghost").first.text_content() or ""


def expect_ghost(page: Page, text: str) -> None:
    expect(page.locator(".ghost")).to_have_text(text, use_inner_text=False)


def expect_no_ghost(page: Page) -> None:
    expect(page.locator(".ghost")).to_have_count(0)


def test_typing_shows_ghost_text_and_tab_inserts_it(page: Page) -> None:
    page.keyboard.type("x = daily.")
    expect_ghost(page, LINE)
    assert code(page) == "x = daily."
    page.keyboard.press("Tab")
    assert code(page) == f"x = daily.{LINE}"
    expect_no_ghost(page)
    page.keyboard.type("!")  # the cursor stands behind what was inserted
    assert code(page) == f"x = daily.{LINE}!"


def test_escape_dismisses_it_until_one_types_on(page: Page) -> None:
    page.keyboard.type("x = daily.")
    expect_ghost(page, LINE)
    page.keyboard.press("Escape")
    expect_no_ghost(page)
    page.wait_for_timeout(500)  # it must not come back by itself
    expect_no_ghost(page)
    assert code(page) == "x = daily."
    page.keyboard.press("Tab")  # and Tab is an indent again, not a way out of the editor
    assert code(page) == "x = daily.  "
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    page.keyboard.type(".")
    expect_ghost(page, LINE)


def test_tab_indents_when_nothing_is_suggested(page: Page) -> None:
    page.keyboard.press("Tab")
    page.keyboard.type("y")
    assert code(page) == "    y"
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("z")
    assert code(page) == "    y\nz"
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Tab")
    assert code(page) == "        y\n    z"


def test_escape_then_tab_leaves_the_editor_for_those_without_a_mouse(page: Page) -> None:
    page.keyboard.type("y")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert code(page) == "y"
    assert not page.locator(".cm-content").evaluate("content => content.contains(document.activeElement)")


def test_accepts_word_by_word(page: Page) -> None:
    page.keyboard.type("a.")
    expect_ghost(page, LINE)
    pieces = ["mode", "(", "skip", "=", "1", ")"]
    for i in range(len(pieces)):
        expect_ghost(page, "".join(pieces[i:]))
        page.keyboard.press(MOD_RIGHT)
        assert code(page) == "a." + "".join(pieces[: i + 1])
    expect_no_ghost(page)


def test_typing_along_the_ghost_text_asks_nobody_for_it(page: Page) -> None:
    page.keyboard.type("a.")
    expect_ghost(page, LINE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    for i, character in enumerate(LINE[:6], start=1):
        page.keyboard.type(character)
        assert ghost(page) == LINE[i:]  # at once, not after an answer
    page.wait_for_timeout(400)
    assert not [body for body in asked if '"limit":1,' in body]
    page.keyboard.press("Backspace")  # nor on the way back
    expect_ghost(page, LINE[5:])
    page.keyboard.type("#")  # another way on: the ghost goes
    expect_no_ghost(page)
    expect(page.locator("#cost-memory")).to_have_text(re.compile(r"^[1-9]\d* of \d+$"))


def test_nothing_is_doubled_that_stands_behind_the_cursor(page: Page) -> None:
    page.keyboard.type("f()")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type(f"{LINE}")
    for _ in LINE:
        page.keyboard.press("ArrowLeft")
    page.keyboard.type("b.")  # what it would write is there already
    page.wait_for_timeout(600)
    expect_no_ghost(page)
    assert code(page) == f"f(b.{LINE})"
    clear(page)
    page.keyboard.type("f[a]")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type(".")
    expect_ghost(page, LINE)
    page.keyboard.press("Tab")
    assert code(page) == f"f[a.{LINE}]"


def test_the_next_tokens_are_listed_with_their_probabilities(page: Page) -> None:
    page.keyboard.type("a.")
    first = page.locator(".token").first
    expect(first).to_have_text(re.compile(r"mode.*\d %"))
    expect(first).to_have_accessible_name(re.compile(r"^mode, \d+ %$"))
    shares = page.locator(".tokens .token-share").all_text_contents()
    values = [float(share.strip("<> %")) for share in shares]
    assert 1 < len(values) <= 8 and values == sorted(values, reverse=True)
    wait_until(page, "document.querySelector('.token-bar').getBoundingClientRect().width > 20")
    first.click()
    assert code(page) == "a.mode"
    page.keyboard.type("(")  # the focus is in the editor again
    assert code(page) == "a.mode("


def test_the_list_can_be_reached_and_used_from_the_keyboard(page: Page) -> None:
    page.keyboard.type("a.")
    expect(page.locator(".token").first).to_have_text(re.compile("mode"))
    page.locator(".token").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".token").nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert code(page) == "a.mode"


def test_whole_lines_are_listed_beside_them(page: Page) -> None:
    page.keyboard.type("a.")
    first = page.locator(".lines .token").first
    expect(first).to_have_text(re.compile(re.escape(LINE) + r".*\d %"))
    page.keyboard.press("Alt+ArrowDown")
    expect(first).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".tokens .token").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(first).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Enter")
    assert code(page) == f"a.{LINE}"
    page.keyboard.type("(")  # the focus is in the editor again
    assert code(page) == f"a.{LINE}("


def test_another_language_brings_its_model_and_its_sample(open_page: Callable[..., Page], serving: Serving) -> None:
    page = open_page(serving.url)
    expect(page.locator("#language")).to_have_value("python")
    page.locator("#language").select_option("java")
    expect(page.locator("#model")).to_have_value("tiny-java")
    expect(page.locator(".cm-content")).to_contain_text("public static void main")
    with page.expect_request(lambda request: "/api/complete" in request.url) as asked:
        page.locator(".cm-content").click()
        page.keyboard.type("x")
    assert asked.value.post_data_json["language"] == "java"
    page.locator("#model").select_option("chain")
    expect(page.locator("#language")).to_have_value("python")


def test_emoji_before_and_after_the_cursor(page: Page) -> None:
    page.keyboard.insert_text('s = "🐟👩‍🚀" + "é"; t = "🦈"')
    page.keyboard.press("Enter")
    page.keyboard.insert_text('u["🐟"]')
    page.keyboard.press("Enter")
    page.keyboard.insert_text("# 🐠")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    page.keyboard.type(".")
    expect_ghost(page, LINE)
    page.keyboard.press(MOD_RIGHT)
    page.keyboard.press("Tab")
    assert code(page) == f's = "🐟👩‍🚀" + "é"; t = "🦈"\nu["🐟"].{LINE}\n# 🐠'


def test_what_an_answer_costs_is_shown(page: Page) -> None:
    page.keyboard.type("a.")
    expect_ghost(page, LINE)
    for cell in ("last", "server", "round-trip"):
        expect(page.locator(f"#cost-{cell}")).to_have_text(re.compile(r"^[\d.]+ m?s$"))


def test_the_model_s_card(page: Page) -> None:
    page.get_by_role("button", name="About it").click()
    card = page.get_by_role("dialog")
    expect(card.get_by_role("heading", name="chain")).to_be_visible()
    expect(card.get_by_role("cell", name="81.0 %")).to_be_visible()
    expect(card.get_by_text("files never seen")).to_be_visible()
    expect(card.get_by_text("2,000,000")).to_be_visible()
    expect(card.locator("svg.curve polyline")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    page.get_by_role("button", name="About it").click()
    card.get_by_role("button", name="Close").click()
    expect(card).to_be_hidden()


def test_another_model_kind_and_temperature_give_other_answers(page: Page) -> None:
    page.keyboard.type("a.")
    expect_ghost(page, LINE)
    bodies: list[str] = []
    page.on("request", lambda request: bodies.append(request.post_data or ""))
    page.locator("#model").select_option("tiny")
    page.get_by_text("Whole block").click()
    page.get_by_label("Temperature").first.fill("0.7")
    page.get_by_label("Temperature").first.dispatch_event("change")
    wanted = '"kind":"block"', '"temperature":0.7', '"model":"tiny"'
    end = time.monotonic() + 30
    while not any(all(part in body for part in wanted) for body in bodies):
        assert time.monotonic() < end, bodies
        page.wait_for_timeout(20)
    page.reload()  # and the choice is kept
    expect(page.locator("#model")).to_have_value("tiny")
    expect(page.get_by_label("Whole block")).to_be_checked()


def test_writes_on_as_ghost_text_that_tab_keeps(page: Page) -> None:
    page.locator("#model").select_option("tiny")
    page.locator(".cm-content").click()
    page.keyboard.type("x = 1")
    page.get_by_label("Length").select_option("200")
    page.get_by_role("button", name="Write on").click()
    expect(page.get_by_text(re.compile(r"^\d+ characters in .*Tab keeps them"))).to_be_visible()
    written = ghost(page)
    assert len(written) > 20
    page.keyboard.press("Tab")
    assert code(page).replace("\n", "") == ("x = 1" + written).replace("\n", "")
    page.get_by_role("button", name="Write on").click()
    expect(page.locator(".ghost")).to_be_visible()
    page.keyboard.press("Escape")
    expect_no_ghost(page)


def test_a_server_that_goes_and_comes_back(open_page: Callable[..., Page], models: list[str | Path]) -> None:
    with Serving(*models) as first:
        page = open_page(first.url)
        clear(page)
        page.keyboard.type("a.")
        expect_ghost(page, LINE)
        first.kill()
        page.keyboard.type("b = c.")
        expect(page.locator("#status")).to_contain_text("does not answer")
        assert code(page) == "a.b = c."  # one can go on typing
        page.screenshot(path=SHOTS / "page-server-gone.png")
        with Serving(*models, port=first.port):
            expect(page.locator("#status")).to_contain_text("is back")
            expect_ghost(page, LINE)  # and what was missed is asked again
            expect(page.locator("#status")).to_have_text("ready")


def test_a_busy_server_is_asked_again_later(page: Page) -> None:
    refused: list[int] = []

    def refuse_twice(route: Route) -> None:
        if len(refused) < 2:
            refused.append(429)
            route.fulfill(status=429, headers={"retry-after": "0"}, json={"error": "busy"})
        else:
            route.continue_()

    page.route("**/api/complete", refuse_twice)
    page.keyboard.type("a.")
    expect(page.locator("#status")).to_contain_text("busy")
    expect_ghost(page, LINE)
    assert len(refused) == 2


def test_the_address_with_a_token_opens_a_page_that_works(
    open_page: Callable[..., Page], models: list[str | Path]
) -> None:
    with Serving(*models, "--token", "abc") as serving:
        page = open_page(serving.url)
        assert "token" not in page.url
        clear(page)
        page.keyboard.type("a.")
        expect_ghost(page, LINE)


def test_it_works_under_another_name_than_localhost(open_page: Callable[..., Page], models: list[str | Path]) -> None:
    """There, without https, browsers keep some of their functions back."""
    with Serving(*models, "--host", "0.0.0.0", "--token", "abc") as serving:
        page = open_page(f"http://codling.test:{serving.port}/?token=abc")
        assert page.evaluate("isSecureContext") is False
        clear(page)
        page.keyboard.type("a.")
        expect_ghost(page, LINE)


@pytest.mark.parametrize(
    ("name", "width", "height", "scheme"),
    [("desktop", 1280, 800, "light"), ("dark", 1280, 800, "dark"), ("phone", 390, 844, "light")],
)
def test_looks_right_at_every_size(
    open_page: Callable[..., Page], serving: Serving, name: str, width: int, height: int, scheme: str
) -> None:
    page = open_page(serving.url, width=width, height=height, scheme=scheme)
    page.keyboard.type("plot(daily.")
    expect_ghost(page, LINE)
    expect(page.locator(".token").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing sticks out sideways
    page.screenshot(path=SHOTS / f"page-{name}.png", full_page=name == "phone")
    if name == "phone":  # no Tab key there
        page.get_by_role("button", name="accept").click()
        assert f"plot(daily.{LINE}" in code(page)


def test_text_can_be_told_from_its_ground(open_page: Callable[..., Page], serving: Serving) -> None:
    """Contrast of all text at least 4.5 to 1 (WCAG 2.2, AA), in both colour schemes."""
    for scheme in ("light", "dark"):
        page = open_page(serving.url, scheme=scheme)
        page.keyboard.type("daily.")
        expect_ghost(page, LINE)
        wait_until(page, _STANDS_STILL)
        low = page.evaluate(_LOW_CONTRAST)
        assert low == [], f"{scheme}: {low}"


_STANDS_STILL = """document.getAnimations().every(
    each => each.playState !== 'running' || each.effect.getComputedTiming().endTime === Infinity  // a cursor blinks
)"""

# Walks all text, takes its colour and the first ground that is painted behind it, and returns what is below 4.5.
_LOW_CONTRAST = """() => {
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
                       return .2126 * r + .7152 * g + .0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
                          if (c.length === 3 || c[3] === 1) return c.slice(0, 3); } return [255, 255, 255]; };
  const low = new Set(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !e.checkVisibility({ visibilityProperty: true }) ||
        e.closest("script, .unseen")) continue;
    const a = light(parse(getComputedStyle(e).color).slice(0, 3)), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) low.add(`${e.tagName}.${e.className}: ${ratio.toFixed(2)}`);
  }
  return [...low];
}"""
