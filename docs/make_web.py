"""Draws images/web.jpg and images/web-phone.jpg: the page on a desktop and on a phone, as a browser shows it.

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
SIZES = {"web.jpg": (1100, 82), "web-phone.jpg": (1000, 84)}
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

    def picture(self) -> Image.Image:
        """What the browser shows."""
        return Image.open(io.BytesIO(self.chrome.get_screenshot_as_png())).convert("RGB")


def save(image: Image.Image, name: str) -> None:
    """Write a picture at the width and quality that docs show it with."""
    width, quality = SIZES[name]
    image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    image.save(HOME / "images" / name, quality=quality, optimize=True)


def draw(address: str, folder: str) -> None:
    """Both pictures, of a page at an address."""
    desktop = Page(address, f"{folder}/desktop", DESKTOP)
    try:
        desktop.choose()
        desktop.generate()
        desktop.points()
        save(desktop.picture(), "web.jpg")
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
    gap = 24
    sheet = Image.new("RGB", (sum(s.width for s in shots) + 2 * gap, shots[0].height), (220, 216, 208))
    for k, shot in enumerate(shots):
        sheet.paste(shot, (k * (shot.width + gap), 0))
    save(sheet, "web-phone.jpg")


def main() -> None:
    """Serve the page and draw both."""
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
