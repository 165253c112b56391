"""What the tests of the page share: one server whose workers stay warm, and one browser."""

import pytest


@pytest.fixture(scope="session")
def page_server():
    """A server with one worker for jobs and one for small tasks."""
    pytest.importorskip("starlette", reason="the page is not installed: pip install '.[web]'")
    from visiting import serving

    from dst.web import application

    patch = pytest.MonkeyPatch()
    patch.setattr(application, "QUICK", 1)
    with serving(threads=1, max_megapixels=1, max_upload=2, jobs=4, max_size=512) as found:
        yield found
    patch.undo()


@pytest.fixture(scope="session")
def chrome(tmp_path_factory):
    """A browser."""
    from browsing import chromium

    driver = chromium(tmp_path_factory.mktemp("profile"))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def guest(chrome, page_server, tmp_path):
    """A visitor of the page in the browser."""
    from browsing import visiting

    yield from visiting(chrome, page_server.url, tmp_path)


@pytest.fixture(scope="session")
def photograph(tmp_path_factory):
    """scikit-image's astronaut, small."""
    from PIL import Image
    from skimage import data

    path = tmp_path_factory.mktemp("photograph") / "me at home.png"
    Image.fromarray(data.astronaut()[0:300, 100:350]).resize((200, 240)).save(path)
    return path
