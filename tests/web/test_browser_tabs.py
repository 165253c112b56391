"""The page's other tabs in a real browser, each from a picture to a download, at small sizes."""

from __future__ import annotations

import json

import numpy as np
from browsing import Keys, hand
from PIL import Image


class Tab:
    """A visitor at one tab: what is found is found within it."""

    def __init__(self, visitor, name: str) -> None:
        self.visitor, self.name, self.home = visitor, name, f".tab-{name}"
        visitor.open()
        visitor.click(f"[data-tab={name}]")
        visitor.wait(f"document.querySelector('{self.home}')?.dataset.mounted")

    def sample(self, number: int = 0) -> None:
        """Take a sample."""
        self.visitor.js(f"document.querySelectorAll('{self.home} .stage .sample')[{number}].click()")
        self.visitor.wait(f"document.querySelector('{self.home} .after')?.naturalWidth")

    def set(self, **values) -> None:
        """Set handles; of a choice by its number."""
        code = """const box = document.querySelector(`${arguments[0]} [data-option=${arguments[1]}]`);
            const input = box.querySelector('input, select');
            if (input.matches('select')) input.selectedIndex = arguments[2]; else input.value = arguments[2];
            for (const type of ['input', 'change']) input.dispatchEvent(new Event(type, {bubbles: true}));"""
        for name, value in values.items():
            self.visitor.js(code, self.home, name, value)

    def task(self, name: str) -> None:
        self.visitor.click(f"{self.home} [data-task={name}]")

    def make(self) -> dict:
        """Press the button and wait for the result; the job, as the server has it."""
        made = self.count(".earlier")
        self.visitor.click(f"{self.home} .generate")
        self.visitor.wait(f"document.querySelector('{self.home} .progress').offsetParent")
        self.visitor.wait(
            f"document.querySelector('{self.home} .progress').hidden && document.querySelector('{self.home} .after').dataset.kind == 'result'"
        )
        self.visitor.wait(f"document.querySelectorAll('{self.home} .earlier').length == {made + 1}")
        return self.visitor.fetch("api/jobs")[0]

    def save(self) -> np.ndarray:
        """The picture that is downloaded."""
        self.visitor.click(f"{self.home} .downloads a")
        path = self.visitor.saved("*.png")
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB")).astype(float)
        path.unlink()
        return pixels

    def count(self, selector: str) -> int:
        return self.visitor.js(f"return document.querySelectorAll('{self.home} {selector}').length")


def test_a_face_follows_the_handle_and_is_made(guest):
    tab = Tab(guest, "exaggerate")
    tab.sample()
    first = guest.wait(
        "document.querySelector('.tab-exaggerate .after').dataset.kind == 'instant' && document.querySelector('.tab-exaggerate .after').src"
    )
    tab.set(strength=3)
    guest.wait(
        f"document.querySelector('.tab-exaggerate .after').src.startsWith('blob:') && document.querySelector('.tab-exaggerate .after').src != '{first}'"
    )
    job = tab.make()
    assert job["kind"] == "exaggerate" and job["options"] == {"strength": 3} and job["task"] == "photo"
    assert "morph.mp4" in job["result"]["files"] and tab.count(".downloads a") == 2
    assert tab.save().shape == (300, 250, 3)
    film = f"fetch('api/jobs/{job['id']}/files/morph.mp4').then(a => a.arrayBuffer()).then(b => String.fromCharCode(...new Uint8Array(b).slice(4, 8)))"
    assert guest.js(f"return {film}") == "ftyp"
    assert not guest.find(".tab-exaggerate [data-view=compare]").get_attribute("disabled")


def test_a_texture_is_grown_from_a_sample_and_gone_back_to(guest):
    tab = Tab(guest, "texture")
    tab.sample()
    tab.set(size=0, steps=2, coarse_steps=1)
    job = tab.make()
    assert job["options"] == {"size": "256x256", "steps": 2, "coarse_steps": 1} and job["result"]["size"] == [256, 256]
    pixels = tab.save()
    assert pixels.shape == (256, 256, 3) and pixels.std() > 5
    tab.set(steps=60)
    tab.task("mixture")
    assert not guest.find(".tab-texture .generate").is_enabled()  # the second sample is missing
    guest.click(".tab-texture .earlier")
    guest.wait("document.querySelector('.tab-texture [data-task=plain]').ariaPressed == 'true'")
    assert guest.js("return document.querySelector('.tab-texture [data-option=steps] input').value") == "2"


def test_what_is_brushed_over_is_taken_out_and_a_quilt_is_sewn(guest, photograph):
    tab = Tab(guest, "one-image")
    guest.find(".tab-one-image .picker input[type=file]").send_keys(str(photograph))
    guest.wait("document.querySelector('.tab-one-image .after')?.naturalWidth == 200")
    tab.task("inpaint")
    tab.set(side=128)
    assert not guest.find(".tab-one-image .generate").is_enabled()
    guest.wait("document.querySelector('.tab-one-image .brush-pane canvas').offsetParent")
    pane = guest.find(".tab-one-image .brush-pane canvas")
    hand(guest.chrome).move_to_element(pane).click_and_hold().move_by_offset(12, 8).release().perform()
    job = tab.make()
    made = tab.save()
    assert made.shape == (128, 107, 3)
    before = np.asarray(Image.open(photograph).convert("RGB").resize((107, 128))).astype(float)
    change = np.abs(made - before).mean(2)
    assert change[64, 54] > 3 * np.median(change) and np.median(change) < 6  # there, and nowhere else
    assert guest.js(f"return fetch('{job['masks']['mask']}').then(a => a.headers.get('content-type'))") == "image/png"
    tab.task("quilt")
    tab.set(size=1)
    assert tab.make()["result"]["size"] == [256, 256]
    colours = {tuple(c) for c in np.asarray(Image.open(photograph).convert("RGB")).reshape(-1, 3)}
    assert {tuple(c) for c in tab.save().astype(int).reshape(-1, 3)} <= colours  # every pixel is one of the picture's


def test_the_laboratory_shows_an_experiment(guest):
    tab = Tab(guest, "laboratory")
    tab.sample()
    tab.task("style-scale")
    guest.click(".tab-laboratory [data-key=ink]")
    guest.wait("!document.querySelector('.tab-laboratory .generate').disabled")
    tab.set(size=96, steps=2, coarse_steps=1)
    job = tab.make()
    assert job["task"] == "style-scale" and job["result"]["files"] == ["image.png", "table.csv"]
    height, width, _ = tab.save().shape
    assert width > 3 * 64 and height > 64  # a sheet
    text = guest.js(f"return fetch('api/jobs/{job['id']}/files/table.csv').then(a => a.text())")
    assert text.count("style at") == 3


def test_each_tab_by_keys_and_at_the_width_of_a_phone(guest):
    guest.chrome.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    )
    guest.open()
    for tab in guest.fetch("api/config")["tabs"][1:]:
        guest.js(f"document.querySelector('[data-tab={tab['id']}]').focus()")
        guest.press(Keys.ENTER)
        guest.wait(f"document.querySelector('.tab-{tab['id']}')?.dataset.mounted")
        assert guest.no_wider_than_the_window(), tab["id"]
        words = guest.js(f"return document.querySelector('.tab-{tab['id']}').innerText")
        assert tab["lead"] in words and "--" not in words and "`" not in words, tab["id"]
        shown = {row["name"] for row in tab["options"]}
        assert {name for task in tab["tasks"] for name in task["options"]} == shown, json.dumps(tab["tasks"])
