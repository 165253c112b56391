"""Draws images/web.jpg, web-phone.jpg and web-tabs.jpg: the page on a desktop and on a phone, and its other tabs, as a browser shows it.

    python docs/make_web.py

It serves the page, goes through it with headless Chromium as a visitor would, and needs what tests/web/test_browser.py needs.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

HOME = Path(__file__).resolve().parent
PAINTER = "oval"
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars")
DESKTOP, PHONE = (1280, 800), (390, 780)
SIZES = {"web.jpg": (1100, 82), "web-phone.jpg": (1000, 84), "web-tabs.jpg": (1100, 80)}
"""Width in pixels and quality of each picture."""


class Page:
    """A browser at the page."""

    def __init__(self, address: str, profile: str, size: tuple[int, int]) -> None:
        options = ChromeOptions()
        options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
        for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        self.chrome = Chrome(options=options, service=Service(shutil.which("chromedriver")))
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1.5, "mobile": size[0] < 600}
        self.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.chrome.get(address)
        self.wait("document.documentElement.dataset.ready")

    def wait(self, condition: str) -> None:
        """Wait until a condition of the page holds, and what it shows has settled."""
        until = time.monotonic() + 300
        while not self.chrome.execute_script(f"return Boolean({condition})"):
            assert time.monotonic() < until, condition
            time.sleep(0.1)
        time.sleep(0.5)

    def click(self, selector: str) -> None:
        """Click the first element of a selector."""
        self.chrome.execute_script("document.querySelector(arguments[0]).click(); scrollTo(0, 0)", selector)

    def choose(self) -> None:
        """The sample photograph and a painter, up to the first version."""
        self.click(".sample")
        self.wait("document.querySelector('.after').naturalWidth")
        self.click(f"[data-key={PAINTER}]")
        self.wait("document.querySelector('.after').dataset.kind == 'instant'")

    def generate(self) -> None:
        """The result."""
        self.click(".generate")
        self.wait(
            "document.querySelector('.after').dataset.kind == 'result' && document.querySelector('.progress').hidden"
        )

    def points(self) -> None:
        """Both pictures with their points."""
        self.click("[data-view=points]")
        self.wait(
            "document.querySelectorAll('[data-point]').length && document.querySelector('.bent img').naturalWidth"
        )

    def tab(self, name: str, sample: str, task: str = "", second: str = "", values: dict | None = None) -> Image.Image:
        """Another tab with its result: of a sample, by a task, with a second picture, handles as `values` say."""
        home = f".tab-{name}"
        self.click(f"[data-tab={name}]")
        self.wait(f"document.querySelector('{home}')?.dataset.mounted")
        self.click(f"{home} .sample[title='{sample}']")
        self.wait(f"document.querySelector('{home} .photograph b')?.textContent == '{sample}'")
        self.wait(f"document.querySelector('{home} .after')?.naturalWidth")
        if task:
            self.click(f"{home} [data-task={task}]")
        if second:
            self.click(f"{home} [data-key={second}]")
            self.wait(f"!document.querySelector('{home} .generate').disabled")
        for option, value in (values or {}).items():
            self.chrome.execute_script(
                """const input = document.querySelector(`${arguments[0]} [data-option=${arguments[1]}] input`);
                input.value = arguments[2];
                input.dispatchEvent(new Event('input', {bubbles: true}));""",
                home, option, value,
            )  # fmt: skip
        self.click(f"{home} .generate")
        self.wait(
            f"document.querySelector('{home} .after').dataset.kind == 'result' && document.querySelector('{home} .progress').hidden"
        )
        if name == "exaggerate":
            self.click(f"{home} [data-view=compare]")
            self.wait(f"document.querySelector('{home} .before').naturalWidth")
        time.sleep(1)
        return self.picture()

    def picture(self) -> Image.Image:
        """What the browser shows."""
        return Image.open(io.BytesIO(self.chrome.get_screenshot_as_png())).convert("RGB")


def save(image: Image.Image, name: str) -> None:
    """Write a picture at the width and quality that docs show it with."""
    width, quality = SIZES[name]
    image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    image.save(HOME / "images" / name, quality=quality, optimize=True)


def draw(address: str, folder: str) -> None:
    """All pictures, of a page at an address."""
    desktop = Page(address, f"{folder}/desktop", DESKTOP)
    try:
        desktop.choose()
        desktop.generate()
        desktop.points()
        save(desktop.picture(), "web.jpg")
        shots = [
            desktop.tab("exaggerate", "Astronaut", values={"strength": 2.5}),
            desktop.tab("texture", "Wood", values={"steps": 30, "coarse_steps": 50}),
            desktop.tab("one-image", "Impasto", "onto", "astronaut"),
            desktop.tab("laboratory", "Cat", "style-scale", PAINTER, {"size": 128, "steps": 40}),
        ]
        save(sheet_of(shots, 2), "web-tabs.jpg")
    finally:
        desktop.chrome.quit()
    phone = Page(address, f"{folder}/phone", PHONE)
    try:
        phone.choose()
        shots = [phone.picture()]
        phone.generate()
        phone.click("[data-view=compare]")
        phone.wait("document.querySelector('.before').naturalWidth")
        shots.append(phone.picture())
        phone.points()
        shots.append(phone.picture())
    finally:
        phone.chrome.quit()
    save(sheet_of(shots, 3), "web-phone.jpg")


def sheet_of(shots: list[Image.Image], across: int, gap: int = 24) -> Image.Image:
    """Pictures of one size beside and below one another."""
    width, height = shots[0].size
    down = -(-len(shots) // across)
    sheet = Image.new("RGB", (across * (width + gap) - gap, down * (height + gap) - gap), (220, 216, 208))
    for k, shot in enumerate(shots):
        sheet.paste(shot, (k % across * (width + gap), k // across * (height + gap)))
    return sheet


def main() -> None:
    """Serve the page and draw all."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        command = [sys.executable, str(HOME.parent / "cli.py"), "web", "--port", "0", "--no-browser"]
        with said.open("w") as file:
            server = subprocess.Popen(command, stdout=file, stderr=file, env={**os.environ, "XDG_CONFIG_HOME": folder})
        try:
            while not (found := re.search(r"http://\S+/", said.read_text())):
                assert server.poll() is None, said.read_text()
                time.sleep(0.1)
            draw(found[0], folder)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


if __name__ == "__main__":
    main()
