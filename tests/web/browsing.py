"""For tests of the page in a real browser: headless Chromium, driven through its own driver."""

from __future__ import annotations

import json
import shutil
import time
import urllib.parse
from pathlib import Path

import pytest

for library in ("selenium", "starlette", "uvicorn"):
    pytest.importorskip(library, reason=f"the page's tests need {library}: pip install '.[test]'")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
DRIVER = shutil.which("chromedriver")
if not (CHROMIUM and DRIVER):
    pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver", allow_module_level=True)

from selenium.webdriver import ActionChains, Chrome, ChromeOptions, Keys  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402

ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-default-browser-check",
    "--disable-extensions", "--hide-scrollbars", "--window-size=1280,1000",
)  # fmt: skip
PATIENCE = 30.0


def chromium(profile: Path) -> Chrome:
    """A browser without a window, with an empty profile."""
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(PATIENCE)
    return driver


def hand(chrome: Chrome) -> ActionChains:
    """A hand at the mouse and the keys, each move of which takes 20 ms in place of the driver's quarter of a second."""
    return ActionChains(chrome, duration=20)


class Visitor:
    """Someone at the page: finds things by their look or name, and waits for what is to come."""

    def __init__(self, chrome, address: str, downloads: Path) -> None:
        self.chrome, self.address, self.downloads = chrome, address, downloads

    def open(self) -> None:
        self.chrome.get(self.address)
        self.wait("document.documentElement?.dataset.ready")

    def js(self, code: str, *given):
        return self.chrome.execute_script(code, *given)

    def wait(self, condition: str, seconds: float = PATIENCE):
        until = time.monotonic() + seconds
        while not (found := self.js(f"return ({condition})")):
            if time.monotonic() > until:
                said = self.js(
                    "return [...document.querySelectorAll('.error')].map(e => e.textContent).filter(Boolean).join()"
                )
                raise AssertionError(f"waited in vain for {condition}; the page says: {said!r}")
            time.sleep(0.03)
        return found

    def find(self, selector: str):
        return self.chrome.find_element(By.CSS_SELECTOR, selector)

    def click(self, selector: str) -> None:
        self.js("arguments[0].scrollIntoView({block: 'center'})", element := self.find(selector))
        element.click()

    def button(self, text: str):
        """The button of these words that is to be seen, brought into sight."""
        found = [
            b for b in self.chrome.find_elements(By.XPATH, f"//button[normalize-space()='{text}']") if b.is_displayed()
        ]
        assert found, text
        self.js("arguments[0].scrollIntoView({block: 'center'})", found[0])
        return found[0]

    def press(self, *keys: str, holding: str = "") -> None:
        chain = hand(self.chrome)
        if holding:
            chain.key_down(holding).send_keys(*keys).key_up(holding).perform()
        else:
            chain.send_keys(*keys).perform()

    def tab_to(self, condition: str, most: int = 80) -> None:
        """Press Tab until the element in focus, `e`, fulfils a condition."""
        for _ in range(most):
            self.press(Keys.TAB)
            if self.js(f"const e = document.activeElement; return Boolean({condition})"):
                return
        raise AssertionError(f"{most} times Tab do not lead to {condition}")

    def give(self, path: Path) -> None:
        """Choose a file as the photograph."""
        self.find(".picker input[type=file]").send_keys(str(path))

    def choose(self, painter: str = "facets") -> None:
        self.click(f"[data-key={painter}]")
        self.wait(f"document.querySelector('[data-key={painter}]').ariaPressed == 'true'")

    def quickly(self) -> None:
        """The settings of the quickest run: what a person would pull, set at once."""
        self.set_option("size", 128)
        self.set_option("preset", "fast")
        self.set_option("steps", 6)

    def set_option(self, name: str, value) -> None:
        self.js(
            """const box = document.querySelector(`[data-option=${arguments[0]}]`);
            for (let outer = box.closest('details'); outer; outer = null) outer.open = true;
            const input = box.querySelector('input, select');
            input.value = arguments[1];
            input.dispatchEvent(new Event('input', {bubbles: true}));
            input.dispatchEvent(new Event('change', {bubbles: true}));""",
            name,
            value,
        )

    def saved(self, pattern: str) -> Path:
        """A file that the browser has saved; taken away, so that the next of its name is known."""
        until = time.monotonic() + PATIENCE
        while not (
            found := [p for p in self.downloads.glob(pattern) if p.suffix != ".crdownload" and p.stat().st_size]
        ):
            assert time.monotonic() < until, f"no {pattern} was saved"
            time.sleep(0.05)
        return found[0]

    def fetch(self, path: str, method: str = "GET"):
        """What the server answers to the page's own session, as JSON."""
        code = f"fetch('{path}', {{method: '{method}', headers: {{'X-DST': '1'}}}}).then(a => a.json())"
        return self.js(f"return {code}")

    def bar(self) -> float:
        return self.js(
            "const b = document.querySelector('.progress progress'); return b.hasAttribute('value') ? b.value / b.max : 0"
        )

    def no_wider_than_the_window(self) -> bool:
        return self.js("return document.documentElement.scrollWidth <= innerWidth")


def visiting(chrome: Chrome, server: str, folder: Path):
    """A new visitor; in the end no error stands in the console, and no request has left the machine."""
    downloads = folder / "downloads"
    downloads.mkdir()
    chrome.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
    chrome.execute_cdp_cmd("Network.clearBrowserCookies", {})
    chrome.get(f"{server}health")
    chrome.execute_script("sessionStorage.clear()")
    for log in ("browser", "performance"):
        chrome.get_log(log)
    someone = Visitor(chrome, server, downloads)
    someone.refusals = 0
    yield someone
    chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chrome.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    errors = [line for line in chrome.get_log("browser") if line["level"] in ("SEVERE", "WARNING")]
    refused = [line for line in errors if "the server responded with a status of 4" in line["message"]]
    assert len(errors) == len(refused) == someone.refusals, errors
    messages = [json.loads(line["message"])["message"] for line in chrome.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    host = urllib.parse.urlsplit(server).netloc
    assert asked
    assert [
        url for url in asked if not url.startswith(("blob:", "data:")) and urllib.parse.urlsplit(url).netloc != host
    ] == []
