"""The page in a real browser, its first tab: from a photograph to a picture, and its points."""

from __future__ import annotations

import base64
import csv
import json
import time
from pathlib import Path

import numpy as np
import pytest
from browsing import By, Keys, hand
from PIL import Image

import cli


@pytest.fixture
def visitor(guest):
    """A visitor."""
    return guest


def test_from_upload_to_download(visitor, photograph):
    visitor.open()
    assert not visitor.find(".go").is_displayed()
    visitor.give(photograph)
    visitor.wait("document.querySelector('.after').naturalWidth == 200")
    assert "me at home.png" in visitor.find(".photograph").text and "200 × 240" in visitor.find(".photograph").text
    visitor.choose()
    visitor.wait(
        "document.querySelector('.after').dataset.kind == 'instant' && document.querySelector('.after').src.startsWith('blob:')"
    )
    with_points(visitor, ROWS)  # they are looked for in the test of the keys
    visitor.quickly()
    visitor.js(
        """window.seen = {kinds: new Set(), bars: [0]};
        window.watching = setInterval(() => {
            const bar = document.querySelector('.progress progress');
            if (bar.offsetParent && bar.hasAttribute('value') && bar.value > seen.bars.at(-1)) seen.bars.push(bar.value);
            seen.kinds.add(document.querySelector('.after').dataset.kind);
        }, 20);"""
    )
    visitor.button("Generate").click()
    visitor.wait("document.querySelector('.progress').offsetParent")
    visitor.wait(
        "document.querySelector('.after').dataset.kind == 'result' && document.querySelector('.after').src.endsWith('image.png')"
    )
    seen = visitor.js("clearInterval(watching); return {bars: seen.bars, kinds: [...seen.kinds]}")
    assert len(seen["bars"]) >= 4 and {"instant", "preview", "result"} <= set(seen["kinds"]), seen
    visitor.wait("document.querySelector('.progress').hidden")
    visitor.wait(
        "document.querySelectorAll('.downloads a').length == 3 && document.querySelectorAll('.earlier').length == 1"
    )
    visitor.click(".downloads a")
    with Image.open(visitor.saved("*.png")) as image:
        assert image.size == (107, 128) and image.format == "PNG" and np.ptp(np.asarray(image)) > 100
    visitor.button("Compare").click()
    slider = visitor.find(".wipe")
    slider.send_keys(Keys.HOME)
    assert visitor.js("return getComputedStyle(document.querySelector('.after')).clipPath") in (
        "inset(0px)",
        "inset(0px 0px 0px 0%)",
    )
    slider.send_keys(Keys.END)
    assert visitor.js("return getComputedStyle(document.querySelector('.after')).clipPath") == "inset(0px 0px 0px 100%)"


def with_points(visitor, rows) -> None:
    """Load points from a file, so that none are looked for."""
    path = visitor.downloads.parent / "mine.csv"
    head = "content_x,content_y,style_x,style_y,score"
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")
    visitor.find("input[accept^='.csv']").send_keys(str(path))
    visitor.wait("document.querySelector('#said').textContent.includes('points loaded')")


def ready_to_drag(visitor, photograph, rows) -> None:
    """Photograph and painter are chosen, and points loaded."""
    visitor.open()
    visitor.give(photograph)
    visitor.wait("document.querySelector('.after').naturalWidth == 200")
    visitor.choose()
    with_points(visitor, rows)
    visitor.button("Points").click()
    visitor.wait(f"document.querySelectorAll('[data-point]').length == {2 * len(rows)}")


def table(path: Path) -> np.ndarray:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:5] == ["content_x", "content_y", "style_x", "style_y", "score"]
    found = np.array([[float(v) for v in row[:5]] for row in rows[1:]])
    path.unlink()
    return found


ROWS = [
    (60, 80, 200, 260, 0.9),
    (140, 80, 330, 260, 0.1),
    (100, 130, 262, 350, 0.8),
    (100, 40, 262, 120, 0.7),
    (60, 200, 150, 560, 0.6),
]


def test_dragging_a_point_moves_it_by_as_many_pixels_at_any_zoom(visitor, photograph):
    ready_to_drag(visitor, photograph, ROWS)
    low = visitor.js("return [...document.querySelectorAll('[data-point]')].map(p => p.classList.contains('low'))")
    assert low == [False, True, False, False, False] * 2
    before = np.array(ROWS, float)
    for zoomed in (False, True):
        if zoomed:
            visitor.click("[aria-label='Zoom in']")
        for pane, columns in enumerate((slice(0, 2), slice(2, 4))):
            code = "const p = document.querySelectorAll('svg.pane')[arguments[0]]; p.scrollIntoView({block: 'center'}); return p.getScreenCTM().a"
            scale = visitor.js(code, pane)
            point = visitor.chrome.find_elements(By.CSS_SELECTOR, "svg.pane")[pane].find_elements(
                By.CSS_SELECTOR, "[data-point]"
            )[2]
            bent = visitor.js("return Number(document.querySelector('.bent').dataset.count || 0)")
            hand(visitor.chrome).click_and_hold(point).move_by_offset(9, -4).move_by_offset(8, -8).release().perform()
            visitor.wait(f"Number(document.querySelector('.bent').dataset.count) > {bent}", 5)
            visitor.button("Save points.csv").click()
            after = table(visitor.saved("points*.csv"))
            moved = after[2, columns] - before[2, columns]
            assert np.abs(moved - np.array([17, -12]) / scale).max() < 0.002, (zoomed, pane)
            after[2, columns] -= moved
            after[2, 4] = before[2, 4]  # a hand is sure
            assert np.abs(after - before).max() < 0.002
            before[2, columns] += moved
    assert scale > 1.4 * visitor.js(
        "const p = document.querySelectorAll('svg.pane')[1]; return p.clientWidth / p.querySelector('image').width.baseVal.value"
    )


def test_points_are_moved_added_and_deleted_by_keys_alone(visitor, photograph):
    visitor.open()
    visitor.js("document.querySelector('.picker').scrollIntoView()")
    visitor.tab_to("e.matches('.sample')")
    visitor.press(Keys.ENTER)
    visitor.wait("document.querySelector('.after')?.naturalWidth > 0")
    visitor.tab_to("e.dataset.key == 'ink'")
    visitor.press(Keys.SPACE)
    visitor.wait("document.querySelector('.after').dataset.kind == 'instant'")
    visitor.js("document.activeElement.blur()")
    visitor.tab_to("e.dataset.view == 'points'")
    visitor.press(Keys.ENTER)
    count = visitor.wait(
        "document.querySelector('.progress').hidden && document.querySelectorAll('[data-point]').length / 2"
    )
    visitor.tab_to("e.ariaLabel?.startsWith('Point 1 in the photograph')", 120)
    place = "document.querySelector('[data-point]').transform.baseVal[0].matrix"
    x, y = visitor.js(f"return [{place}.e, {place}.f]")
    visitor.press(Keys.ARROW_LEFT, Keys.ARROW_UP)
    visitor.press(Keys.ARROW_UP, holding=Keys.SHIFT)
    assert visitor.js(f"return [{place}.e, {place}.f]") == pytest.approx([x - 1, y - 11], abs=1e-3)
    assert visitor.js("return getComputedStyle(document.activeElement.querySelector('.halo')).strokeWidth") == "6px"
    visitor.press(Keys.DELETE)
    visitor.wait(f"document.querySelectorAll('[data-point]').length == {2 * (count - 1)}")
    for _ in range(4):
        visitor.press("z", holding=Keys.CONTROL)
    assert visitor.js("return document.querySelectorAll('[data-point]').length") == 2 * count
    assert visitor.js(f"return [{place}.e, {place}.f]") == pytest.approx([x, y], abs=1e-3)
    assert visitor.button("Undo").get_attribute("disabled") and visitor.button("Reset to found").get_attribute(
        "disabled"
    )
    visitor.press(Keys.ESCAPE)
    assert visitor.js("return document.activeElement.textContent") == "Add"


def test_the_list_of_points_goes_back_and_forth(visitor):
    visitor.open()
    found = visitor.chrome.execute_async_script(
        """const done = arguments[0];
        import(new URL('static/points.js', location.href)).then(({pointModel, partner, row}) => {
            const model = pointModel(() => {});
            const [content, style] = [{width: 100, height: 80}, {width: 200, height: 160}];
            const out = {};
            model.start(content, style);
            model.take([[10, 10, 30, 20, 0.9, 'left eye'], [50, 40, 110, 80, 0.2], [90, 70, 190, 140, 0.5]]);
            out.same = [model.edited(), model.canUndo()];
            out.partner = partner(model.list(), 'content', {x: 50, y: 40}, {content, style});
            const index = model.add('style', {x: 30, y: 20});
            out.added = model.list()[index];
            model.begin();
            for (let k = 0; k < 5; k += 1) model.move(0, 'content', 10 + k, -7);
            model.end();
            out.moved = row(model.list()[0]);
            model.undo();
            out.undone = row(model.list()[0]);
            model.redo();
            model.remove(1);
            out.count = model.list().length;
            model.reset();
            out.reset = [model.list().length, model.edited()];
            model.undo(); model.undo(); model.undo(); model.undo();
            out.back = [model.list().length, model.canUndo(), model.canRedo(), model.edited()];
            done(out);
        });"""
    )
    assert found["same"] == [False, False]
    assert found["partner"] == pytest.approx({"x": 110, "y": 80}, abs=0.1)
    added = found["added"]
    assert (added["sx"], added["sy"]) == (30, 20) and (added["cx"], added["cy"]) == pytest.approx((10, 10), abs=0.1)
    assert found["moved"] == [14, 0, 30, 20, 1, ""]  # five moves are one step, held inside the picture, and sure
    assert found["undone"] == [10, 10, 30, 20, 0.9, "left eye"]
    assert found["count"] == 3 and found["reset"] == [3, False]
    assert found["back"] == [3, False, True, False]


def test_brushed_cancelled_begun_anew_reloaded_and_stopped(visitor, photograph):
    visitor.open()
    visitor.give(photograph)
    visitor.wait("document.querySelector('.after').naturalWidth == 200")
    visitor.choose("ink")
    visitor.wait("document.querySelector('.after').dataset.kind == 'instant'")
    with_points(visitor, ROWS)
    brush(visitor)
    for name, value in {"size": 128, "steps": 200, "seed": 7}.items():
        visitor.set_option(name, value)
    visitor.button("Generate").click()
    visitor.wait("document.querySelector('.progress').offsetParent")
    flat_where_brushed(visitor.js("return sent").pop(), visitor.downloads.parent / "mask.png")
    visitor.button("Cancel").click()
    visitor.wait("document.querySelector('.progress').hidden", 5)
    until = time.monotonic() + 5
    while visitor.fetch("api/jobs")[0]["state"] != "cancelled":
        assert time.monotonic() < until
    assert visitor.find(".generate").is_enabled() and visitor.find(".after").get_attribute("data-kind") == "instant"
    visitor.button("Generate").click()
    visitor.wait("document.querySelector('.after').dataset.kind == 'preview'")
    visitor.open()
    visitor.wait(
        "document.querySelector('.progress').offsetParent && document.querySelector('.after').dataset.kind == 'preview'"
    )
    assert visitor.find("[data-option=seed] input").get_attribute("value") == "7"
    visitor.wait(BRUSHED)
    assert visitor.js("return document.querySelectorAll('[data-point]').length") in (0, 2 * len(ROWS))
    visitor.wait("!document.querySelector('.progress-acts button').disabled")
    visitor.button("Stop, keep this").click()
    visitor.wait("document.querySelector('.after').dataset.kind == 'result'")
    visitor.wait("document.querySelector('.caption').textContent.includes('Stopped')")
    assert visitor.fetch("api/jobs")[0]["state"] == "stopped"
    visitor.button("Brush").click()
    visitor.button("Clear").click()
    assert not visitor.js(f"return {BRUSHED}")
    visitor.button("Picture").click()
    visitor.click(".earlier")  # its mask and its points come back
    visitor.wait(BRUSHED)
    visitor.button("Points").click()
    visitor.wait(f"document.querySelectorAll('[data-point]').length == {2 * len(ROWS)}")


BRUSHED = """(() => {const c = document.querySelector('.brush-pane canvas');
    return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v)})()"""


def brush(visitor) -> None:
    """Paint over a part that keeps its shape; from then on, `sent` holds the bodies of what the page asks for."""
    visitor.button("Brush").click()
    visitor.wait(
        "document.querySelector('.brush-pane canvas').offsetParent && document.querySelector('.brush-pane img').naturalWidth"
    )
    visitor.js(
        "window.sent = []; const old = fetch; window.fetch = (to, how) => { if (how?.body) sent.push(how.body); return old(to, how); }"
    )
    pane = visitor.find(".brush-pane canvas")
    hand(visitor.chrome).move_to_element(pane).click_and_hold().move_by_offset(40, 30).release().perform()


def flat_where_brushed(body: str, path: Path) -> None:
    """The mask of a request is black and white and nothing else, and white in the middle of the picture."""
    path.write_bytes(base64.b64decode(json.loads(body)["protect"].partition(",")[2]))
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape == (240, 200, 3) and set(np.unique(pixels)) == {0, 255}
    assert 0.005 < (pixels[..., 0] == 255).mean() < 0.2 and pixels[121, 101].tolist() == [255] * 3


def test_a_trained_network_where_the_painter_has_one(visitor, photograph):
    visitor.open()
    visitor.give(photograph)
    visitor.wait("document.querySelector('.after').naturalWidth == 200")
    visitor.choose("facets")
    visitor.wait("document.querySelector('.after').dataset.kind == 'instant'")
    shown = "[...document.querySelectorAll('[data-option]')].filter(e => !e.hidden).map(e => e.dataset.option)"
    assert {"look", "method", "steps"} <= set(visitor.js(f"return {shown}"))
    visitor.js("window.before = document.querySelector('.after').src")
    visitor.set_option("preserve_color", "histogram")
    visitor.set_option("look", 0.3)
    visitor.click("[data-way=network]")
    visitor.wait("document.querySelector('.after').src != before")
    left = set(visitor.js(f"return {shown}"))
    assert {"warp_strength", "size", "max_points"} <= left and not {"look", "method", "steps", "seed"} & left
    assert visitor.find("[data-option=preserve_color] select").get_attribute("value") == "none"
    visitor.click(".about summary")
    assert "Johnson" in visitor.find(".card").text and "Apache-2.0" in visitor.find(".card").text
    with_points(visitor, ROWS)
    visitor.set_option("size", 128)
    visitor.button("Generate").click()
    visitor.wait("document.querySelector('.after').dataset.kind == 'result'")
    visitor.wait("document.querySelectorAll('.earlier').length == 1")
    assert "by a trained network" in visitor.find(".caption").text
    (job,) = visitor.fetch("api/jobs")
    assert job["options"] == {"method": "network", "model": "facets", "size": 128} and len(job["points"]) == len(ROWS)
    visitor.chrome.find_elements(By.CSS_SELECTOR, ".panel dialog input[type=file]")[-1].send_keys(str(photograph))
    visitor.wait("document.querySelector('[data-way=network]').disabled")
    assert "drawn samples" in visitor.find(".ways-of .help").text and "look" in visitor.js(f"return {shown}")
    visitor.click(".earlier")
    visitor.wait("document.querySelector('[data-way=network]').ariaPressed == 'true'")
    assert visitor.find("[data-key=facets]").get_attribute("aria-pressed") == "true"


def test_what_is_refused_is_said_beside_what_it_is_about(visitor, photograph, tmp_path, capsys):
    words = tmp_path / "words.png"
    words.write_text("no picture at all")
    assert cli.main(["recolor", str(words), str(photograph), "-o", str(tmp_path / "out.png")]) == 2
    told = capsys.readouterr().err.strip().removeprefix("dst: error: ").replace(str(words), words.name)
    visitor.open()
    visitor.refusals = 3
    visitor.give(words)
    visitor.wait("document.querySelector('.picker [data-error=content]').textContent")
    assert visitor.find(".picker [data-error=content]").text.removeprefix("! ") == told
    assert len([e for e in visitor.chrome.find_elements(By.CSS_SELECTOR, ".error") if e.text and e.is_displayed()]) == 1
    visitor.button("From a link").click()
    visitor.find(".picker input[type=url]").send_keys(f"{visitor.address}health", Keys.ENTER)
    visitor.wait("document.querySelector('.picker [data-error=url]').textContent")
    visitor.give(photograph)
    visitor.wait("document.querySelector('.after')?.naturalWidth == 200")
    visitor.choose()
    visitor.click(".handles summary")
    visitor.set_option("seed", -1)
    visitor.button("Generate").click()
    visitor.wait("document.querySelector('[data-error=seed]').textContent")
    assert "seed is -1" in visitor.find("[data-error=seed]").text and visitor.find("[data-error=seed]").is_displayed()
    visitor.set_option("seed", 1)
    assert visitor.find("[data-error=seed]").text == ""


def test_at_the_width_of_a_phone(visitor, photograph):
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    visitor.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    visitor.chrome.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    visitor.open()
    assert visitor.no_wider_than_the_window()
    assert (
        visitor.find("input[capture]").get_attribute("capture") == "environment"
        and visitor.find(".camera").is_displayed()
    )
    visitor.give(photograph)
    visitor.wait("document.querySelector('.after')?.naturalWidth == 200")
    visitor.choose("glass")
    visitor.wait("document.querySelector('.after').dataset.kind == 'instant'")
    with_points(visitor, ROWS)
    for view in ("Picture", "Compare", "Points", "Brush"):
        visitor.js("scrollTo(0, 0)")
        visitor.button(view).click()
        if view == "Points":
            visitor.wait("document.querySelectorAll('[data-point]').length")
        assert visitor.no_wider_than_the_window(), view
        box = visitor.js(
            "const r = document.querySelector('.go').getBoundingClientRect(); return [r.left, r.bottom, r.width]"
        )
        assert box == [0, 844, 390]
    small = """return [...document.querySelectorAll('button, .button, select, input[type=range]')].filter(e => e.offsetParent &&
        !e.matches('.mark')).map(e => [e.textContent || e.ariaLabel, e.getBoundingClientRect().height]).filter(([, h]) => h < 28)"""
    assert visitor.js(small) == []
