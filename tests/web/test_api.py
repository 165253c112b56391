"""From upload to download over HTTP, with worker processes."""

import base64
import io
import json
import os
import time
import urllib.parse
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the page is not installed: pip install '.[web]'")

from PIL import Image as Pillow
from visiting import Visitor, plain

from correspondence.matches import Matches
from dst import imaging
from dst.config import read_settings
from dst.runs.result import Result

SMALL = {"size": 64, "steps": 2}
POINTS = [[10, 10, 8, 12], [38, 12, 30, 14], [20, 30, 16, 40, 0.5], [30, 33, 28, 38, 1.0, "mouth"]]


@pytest.fixture
def server(page_server):
    """The server."""
    return page_server


@pytest.fixture
def visitor(server):
    """A visitor of it."""
    return Visitor(server.url)


@pytest.fixture
def inputs(visitor, image_file):
    """A photograph and a painting of the visitor's."""
    return visitor.upload(image_file("me.png", seed=1)), visitor.upload(image_file("style.png", (40, 52), 2))


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB")).astype(float)


def test_from_upload_to_download(visitor, inputs, tmp_path):
    content, style = inputs
    assert (content["name"], content["width"], content["height"], content["note"]) == ("me.png", 48, 40, None)
    assert pixels(visitor.get(content["url"])).shape == pixels(visitor.get(content["thumb"])).shape == (40, 48, 3)
    job = visitor.start(content, style, options=SMALL, points=POINTS)
    with visitor.opener.open(f"{visitor.url}api/jobs/{job}/events", timeout=60) as stream:
        assert stream.headers.get_content_type() == "text/event-stream" and stream.headers["X-Accel-Buffering"] == "no"
        told = [json.loads(line[5:]) for line in stream if line.startswith(b"data:")]
    last = told[-1]
    assert last["state"] == "done" and last["error"] is None and last == visitor.get(f"api/jobs/{job}")
    shares = [one["share"] for one in told]
    assert shares == sorted(shares) and shares[-1] == 1 and {"optimize", "save"} <= {one["stage"] for one in told}
    previews = [one["preview"] for one in told if one["preview"]]
    assert previews and visitor.get(previews[-1])[:2] == b"\xff\xd8"
    result = last["result"]
    assert [row[:4] for row in result["matches"]] == [row[:4] for row in POINTS] and result["matches"][3][5] == "mouth"
    assert pixels(visitor.get(result["image"])).shape == (53, 64, 3)
    home = f"api/jobs/{job}/files"
    status, packed, headers = visitor.ask("GET", f"{home}/run.zip")
    assert status == 200 and headers["Content-Disposition"] == 'attachment; filename="me-run.zip"'
    zipfile.ZipFile(io.BytesIO(packed)).extractall(tmp_path)
    run = Result.load(tmp_path / "run")  # a whole run, as `dst stylize --run` keeps it
    assert np.array_equal(run.image, pixels(visitor.get(result["image"])))
    text = (tmp_path / "run" / "run.json").read_text()
    assert "dst-run" not in text and run.record["content"]["name"] == "me.png"
    settings = read_settings(tmp_path / "run" / "settings.toml")
    assert settings["size"] == 64 and settings["steps"] == 2
    (tmp_path / "points.csv").write_bytes(visitor.get(f"{home}/points.csv"))
    assert len(Matches.from_csv(tmp_path / "points.csv", (48, 40), (40, 52))) == 4
    assert visitor.get(f"{home}/morph.gif")[:3] == b"GIF"
    history = visitor.get("api/jobs")
    assert [row["id"] for row in history] == [job] and history[0]["options"] == SMALL
    assert visitor.get(history[0]["thumb"])[:2] == b"\xff\xd8"
    assert visitor.ask("DELETE", f"api/jobs/{job}")[0] == 204 and visitor.get("api/jobs") == []


def test_a_picture_of_the_page_is_what_the_command_line_makes(visitor, inputs, image_file, tmp_path):
    from dst.deform import pipeline

    job = visitor.wait(visitor.start(*inputs, options={**SMALL, "seed": 3, "look": "painting"}, points=POINTS))
    table = Matches(
        *(np.array([row[k : k + 2] for row in POINTS], float) for k in (0, 2)), [1, 1, 0.5, 1], (48, 40), (40, 52),
        source=["", "", "", "mouth"],
    )  # fmt: skip
    paths = image_file("me.png", seed=1), image_file("style.png", (40, 52), 2)
    ours = pipeline.stylize(*map(str, paths), points=table, seed=3, look="painting", threads=1, metrics=False, **SMALL)
    assert np.abs(pixels(visitor.get(job["result"]["image"])) - ours.image).max() <= 2


def test_a_trained_network_paints_what_the_command_line_makes(visitor, inputs, image_file, tmp_path):
    import dst

    options = {"method": "network", "model": "woodcut", "size": 96, "warp_strength": 0.7}
    job = visitor.wait(visitor.start(*inputs, options=options, points=POINTS))
    assert job["state"] == "done" and job["options"] == options and "points" in job["result"]["verdict"]
    photograph, style = str(image_file("me.png", seed=1)), str(image_file("style.png", (40, 52), 2))
    rows = [[*row[:4], *(row[4:5] or [1.0])] for row in POINTS]
    ours = dst.stylize(photograph, style, points=np.array(rows), threads=1, **options)
    made = pixels(visitor.get(job["result"]["image"]))
    assert np.abs(made - ours.image).max() <= 2 and np.abs(made - ours.unwarped).mean() > 2
    home = f"api/jobs/{job['id']}/files"
    (tmp_path / "settings.toml").write_bytes(visitor.get(f"{home}/settings.toml"))
    settings = visitor.get(f"{home}/run.json")["settings"]
    assert read_settings(tmp_path / "settings.toml")["model"] == settings["model"] == "woodcut"
    assert settings == ours.record["settings"] | {"threads": 0}


def test_a_trained_network_paints_at_once(visitor, inputs, image_file, tmp_path):
    import dst

    image = Pillow.open(image_file("me.png", seed=1)).convert("RGBA")
    image.putalpha(Pillow.linear_gradient("L").resize(image.size))  # so that nothing on the way is a JPEG
    image.save(path := tmp_path / "clear.png")
    body = {"content": visitor.upload(path)["id"], "styles": [inputs[1]["id"]], "size": 96, "strength": 0.5}
    status, found, headers = visitor.ask("POST", "api/instant", {**body, "model": "woodcut"})
    (whole,) = dst.apply_network("woodcut", str(path), size=96, strength=0.5, threads=1)
    assert status == 200 and headers["Content-Type"] == "image/png" and np.abs(pixels(found) - whole).max() <= 2
    assert np.ptp(np.asarray(Pillow.open(io.BytesIO(found)).getchannel("A"))) > 200


def test_a_request_names_no_model_but_a_shipped_style(visitor, inputs, tmp_path):
    from dst.networks import shipped
    from dst.web.painting import _with_network

    ids = {"content": inputs[0]["id"], "styles": [inputs[1]["id"]]}
    for model in (str(tmp_path), "../woodcut", "woodcutt", ["woodcut"]):
        for path, body in (("jobs", {"options": {"method": "network", "model": model}}), ("instant", {"model": model})):
            status, said, _ = visitor.ask("POST", f"api/{path}", {**ids, **body})
            assert status == 400 and said["field"] == "model" and "choose one of charcoal" in said["error"], model
    for options, kind, words in (
        ({"method": "network"}, "stylize", "model is not given"), ({"method": "gatys", "model": "ink"}, "stylize", "method is gatys"),
        ({"model": "ink"}, "variants", "one way"),
    ):  # fmt: skip
        status, said, _ = visitor.ask("POST", "api/jobs", {**ids, "kind": kind, "options": options})
        assert status == 400 and words in said["error"] and "\n" not in said["error"]
    folder = Path("woodcut")  # where the server runs
    folder.mkdir()
    try:
        found = _with_network({"model": "woodcut", "size": 64})
    finally:
        folder.rmdir()
    assert found == {"model": shipped.load(), "model_style": ("woodcut",), "size": 64}


def test_answers_at_once(visitor, inputs):
    content, style = inputs
    status, found, headers = visitor.ask(
        "POST", "api/instant", {"content": content["id"], "styles": [style["id"]], "size": 64}
    )
    assert status == 200 and pixels(found).shape[1] == 64 and float(headers["X-Seconds"]) > 0
    both = {"content": content["id"], "styles": [style["id"], content["id"]], "weights": [1, 0], "size": 64}
    assert np.abs(pixels(visitor.ask("POST", "api/instant", both)[1]) - pixels(found)).mean() < 3
    body = {"content": content["id"], "style": style["id"], "points": POINTS, "side": 512}
    status, bent, _ = visitor.ask("POST", "api/warp", body)
    same = pixels(visitor.ask("POST", "api/warp", {**body, "strength": 0})[1])
    before = pixels(visitor.get(content["url"]))
    assert status == 200 and np.abs(same - before).mean() < 3 < np.abs(pixels(bent) - before).mean()


def test_points_go_to_a_file_and_back(visitor, inputs):
    content, style = inputs
    both = {"content": content["id"], "style": style["id"]}
    rows = [
        *POINTS[:3],
        {"content": [30, 33], "style": [28, 38], "confidence": 0.25},
        {"content": [1, 1], "style": [1, 1], "kept": False},
    ]
    status, text, _ = visitor.ask("POST", "api/points", {**both, "points": rows})
    assert (
        status == 200
        and text.splitlines()[0] == b"content_x,content_y,style_x,style_y,score"
        and len(text.splitlines()) == 5
    )
    found = visitor.ask("POST", "api/points/read", {**both, "csv": text.decode()})[1]["points"]
    assert [row[:5] for row in found] == [[*POINTS[0], 1], [*POINTS[1], 1], POINTS[2], [30, 33, 28, 38, 0.25]]


def test_matches_are_found_and_variants_made(visitor):
    content, style = (visitor.ask("POST", "api/images/sample", {"id": name})[1] for name in ("astronaut", "oval"))
    found = visitor.wait(visitor.start(content, style, "match", options={"max_points": 20}))["result"]
    assert 3 <= len(found["matches"]) <= 20 and found["usable"] and "go together" in found["verdict"]
    assert all(0 <= x < content["width"] and 0 <= y < content["height"] for x, y, *_ in found["matches"])
    points = found["matches"]
    job = visitor.start(content, style, "variants", options={"steps": 1}, side=32, points=points)
    with visitor.opener.open(f"{visitor.url}api/jobs/{job}/events", timeout=60) as stream:
        told = [json.loads(line[5:]) for line in stream if line.startswith(b"data:")]
    there = [[bool(cell["image"]) for cell in one["cells"]] for one in told if one.get("cells")]
    assert [True, False, False] * 3 in there and [True, True, False] * 3 in there  # as they are made
    made = told[-1]["result"]
    cells = [(cell["options"]["look"], cell["options"]["warp_strength"]) for cell in made["cells"]]
    assert cells == [(look, k) for k in (0, 0.5, 1) for look in ("photo", "balanced", "painting")]
    assert all(max(pixels(visitor.get(cell["image"])).shape) == 32 for cell in made["cells"])


def test_a_queue_has_places_and_ends(server, visitor, inputs):
    """One worker, four jobs at most: stop keeps the best so far, cancel frees the worker at once."""
    long = {"size": 128, "steps": 10_000}
    first, second, third, fourth = (visitor.start(*inputs, options=long, points=POINTS) for _ in range(4))
    assert [visitor.get(f"api/jobs/{job}")["place"] for job in (first, second, third, fourth)] == [None, 1, 2, 3]
    assert visitor.get("health")["queued"] == 3 and visitor.get("health")["running"] == 1
    status, said, _ = visitor.ask("POST", "api/jobs", {"content": inputs[0]["id"], "styles": [inputs[1]["id"]]})
    assert status == 429 and "4 of your jobs" in said["error"]
    assert visitor.ask("POST", "api/images/sample", {"id": "oval"})[0] == 201  # others are answered all the while
    visitor.reach(first, 3)
    began = time.monotonic()
    assert visitor.ask("DELETE", f"api/jobs/{first}")[0] == 204
    assert visitor.wait(first)["state"] == "cancelled"
    assert visitor.wait(second, "running")["place"] is None and time.monotonic() - began < 3
    for job, place in ((fourth, 2), (third, 1)):
        assert visitor.get(f"api/jobs/{job}")["place"] == place
        assert visitor.ask("DELETE", f"api/jobs/{job}")[0] == 204 and visitor.wait(job)["state"] == "cancelled"
    assert visitor.ask("DELETE", f"api/images/{inputs[0]['id']}")[0] == 409  # a job needs it
    assert visitor.ask("POST", f"api/jobs/{second}/stop")[0] == 202  # its worker has hardly begun
    stopped = visitor.wait(second)
    assert stopped["state"] == "stopped" and pixels(visitor.get(stopped["result"]["image"])).shape == (107, 128, 3)
    assert visitor.ask("POST", f"api/jobs/{second}/stop")[0] == 409
    assert visitor.ask("DELETE", f"api/images/{inputs[0]['id']}")[0] == 204
    assert visitor.ask("GET", inputs[0]["url"])[0] == 404


def test_nothing_of_one_visitor_is_seen_by_another(server, visitor, inputs):
    job = visitor.start(*inputs, options=SMALL, points=POINTS)
    visitor.wait(job)
    other = Visitor(server.url)
    assert other.get("api/jobs") == []
    ids = {"content": inputs[0]["id"], "styles": [inputs[1]["id"]]}
    for method, path, body in (
        ("GET", f"api/images/{inputs[0]['id']}", None), ("DELETE", f"api/images/{inputs[0]['id']}", None),
        ("GET", f"api/jobs/{job}", None), ("GET", f"api/jobs/{job}/events", None), ("DELETE", f"api/jobs/{job}", None),
        ("POST", f"api/jobs/{job}/stop", {}), ("GET", f"api/jobs/{job}/files/image.png", None), ("POST", "api/jobs", ids),
        ("POST", "api/instant", ids), ("POST", "api/warp", {**ids, "points": POINTS}),
    ):  # fmt: skip
        assert other.ask(method, path, body)[0] == 404, path
    assert visitor.ask("GET", f"api/jobs/{job}/files/image.png")[0] == 200


def bomb(side: int) -> bytes:
    """A PNG of side x side pixels of one colour, a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    head = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(side * 200)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "me.png is empty"), (b"hello", "me.png is not an image that can be read"), (bomb(30_000), "too many pixels"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "me.png"), (b"\x80\x04\x95cos\nsystem\n", "not an image"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
    ],
    ids=["empty", "text", "bomb", "damaged", "pickle", "svg"],
)  # fmt: skip
def test_a_file_that_is_no_picture_is_refused_in_the_words_of_the_command_line(visitor, data, words):
    status, said, _ = visitor.ask("POST", "api/images", data, X_Name="..%2F..%2Fme.png")
    assert status == 400 and words in said["error"] and "/" not in said["error"].replace("8 or 16", "")


def test_a_name_is_kept_clear_of_what_is_no_name(visitor, image_file):
    data = image_file("me.png").read_bytes()
    for given, kept in (
        ("写真 é.png", "写真 é.png"), ("a\r\nSet-Cookie: x=y.png", "a_Set-Cookie_ x_y.png"), ('"><img src=x>.png', "_img src_x_.png"),
        ("é" * 3000 + ".png", "é" * 80), ("../../etc/passwd", "passwd"), ("\0", "_"), ("", "picture"),
    ):  # fmt: skip
        status, said, headers = visitor.ask("POST", "api/images", data, X_Name=urllib.parse.quote(given))
        assert status == 201 and said["name"] == kept and "x=y" not in str(headers)
        shown = visitor.ask("GET", said["url"], None)[2]  # never the file itself, whatever it was called or said to be
        assert shown["Content-Type"] == "image/jpeg" and shown["X-Content-Type-Options"] == "nosniff"
    status, said, _ = visitor.ask("POST", "api/images", data + b"<script>", X_Name="x.html", Content_Type="text/html")
    assert status == 201 and b"<script>" not in visitor.get(said["url"])


def test_a_picture_without_a_face_is_said_so_by_its_name(visitor, inputs):
    for path, body in (("api/exaggerate", {}), ("api/jobs", {"kind": "exaggerate"})):
        status, said, _ = visitor.ask("POST", path, {"content": inputs[0]["id"], **body})
        said = visitor.wait(said["id"])["error"] if status == 202 else said
        assert "no face is found in me.png" in said["error"] and said["field"] == "content"


def test_a_file_beyond_the_limit_is_told_so(visitor):
    status, said, _ = visitor.ask("POST", "api/images", bytes(3 * 10**6))
    assert status == 413 and "larger than 2 million bytes" in said["error"]


def test_odd_pictures_are_taken(visitor, tmp_path):
    rng = np.random.default_rng(0)
    for name, array in {
        "grey.png": rng.integers(0, 256, (20, 31), np.uint8), "deep.tif": rng.integers(0, 65536, (33, 20, 3)).astype(np.uint16),
        "clear.png": rng.integers(0, 256, (30, 20, 4), np.uint8), "wide.jpg": rng.integers(0, 256, (16, 900, 3), np.uint8),
    }.items():  # fmt: skip
        path = tmp_path / name
        if array.dtype == np.uint16:
            imaging.write(path, array)
        else:
            Pillow.fromarray(array).save(path)
        found = visitor.upload(path)
        assert (found["width"], found["height"]) == array.shape[1::-1] and found["name"] == name
        shown, _, headers = visitor.ask("GET", f"api/images/{found['id']}?side=64")[:3]
        assert shown == 200 and headers["Content-Type"] == ("image/png" if name == "clear.png" else "image/jpeg")
    small = Pillow.new("RGB", (9, 40))
    small.save(tmp_path / "small.png")
    status, said, _ = visitor.ask("POST", "api/images", (tmp_path / "small.png").read_bytes(), X_Name="small.png")
    assert status == 400 and "small.png is 9 x 40 pixels: each side must be at least 16" in said["error"]


def test_a_large_picture_is_scaled_with_a_notice(visitor, tmp_path):
    y, x = np.mgrid[:1000, :2000]
    Pillow.fromarray(np.stack([x // 8, y // 4, x // 8], 2).astype(np.uint8)).save(tmp_path / "large.jpg", quality=80)
    found = visitor.upload(tmp_path / "large.jpg")
    assert 0.98e6 < found["width"] * found["height"] <= 1e6 and found["width"] == 2 * found["height"]
    assert "scaled from 2000 x 1000" in found["note"]


@pytest.mark.parametrize(
    ("body", "words", "field"),
    [
        ({"options": {"size": 9000}}, "size is 9000: it takes a whole number from 32 to 8192", "size"),
        ({"options": {"size": 1024}}, "up to 512", "size"), ({"options": {"look": "dull"}}, "it takes one of", "look"),
        ({"options": {"weights": "/etc/passwd"}}, "not known", "weights"), ({"options": {"alpha": 1, "look": 0.5}}, "leave out one of the two", "look"),
        ({"kind": "explode"}, "kind", "kind"), ({"kind": ["match"]}, "kind", "kind"), ({"kind": "texture", "task": ["x"]}, "task", None),
        ({"kind": "one-image", "task": "inpaint"}, "nothing is brushed", "mask"), ({"kind": "one-image", "task": "inpaint", "mask": 5}, "no PNG", "mask"),
        ({"kind": "laboratory", "styles": []}, "the painter is missing", "styles"), ({"kind": "laboratory", "styles": "x"}, "no list", "styles"), ({"content": "x"}, "no such picture", "content"), ({"styles": []}, "no style image", "styles"),
        ({"points": [[1, 2, 3]]}, "four finite numbers", "points"), ({"points": "x"}, "no list", "points"),
        ({"points": [[1, 2, 3, 1e99]]}, "four finite numbers", "points"), ({"protect": "data:image/png;base64,AAAA"}, "no PNG", "protect"),
        ({"points": [[1, 2, 3, 4], [2, 3, 4, 5]]}, "at least 3", "points"), ({"points": [*POINTS, [480, 10, 3, 3]]}, "outside", "points"),
        ({"options": {"stroke_size": 2.0, "size": 256}}, "the style style.png is 40 x 52", "stroke_size"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_line_beside_its_field(visitor, inputs, body, words, field):
    asked = {"kind": "stylize", "content": inputs[0]["id"], "styles": [inputs[1]["id"]], **body}
    status, said, _ = visitor.ask("POST", "api/jobs", asked)
    if status == 202:  # what only the pictures tell
        said = visitor.wait(said["id"])
        assert said["state"] == "failed"
        said = said["error"]
    else:
        assert status in (400, 404)
    assert words in said["error"] and "\n" not in said["error"] and said["field"] == field, said
    assert "dst-run" not in said["error"]


def test_masks_guide_a_run(visitor, inputs):
    def url(array):
        return "data:image/png;base64," + base64.b64encode(imaging.encode(array)).decode()

    mask = np.zeros((40, 48, 3), np.uint8)
    mask[12:28, 12:36] = 255
    regions = {
        "content": url(mask),
        "style": url(np.pad(np.full((52, 20, 3), 255, np.uint8), ((0, 0), (0, 20), (0, 0)))),
    }
    job = visitor.wait(visitor.start(*inputs, options=SMALL, points=POINTS, protect=url(mask), regions=regions))
    assert job["state"] == "done", job["error"]
    record = visitor.get(f"api/jobs/{job['id']}/files/run.json")
    assert "mask" in str(record["settings"]["rigid_mask"]) and "/" not in str(record["settings"]["rigid_mask"])
    assert record["settings"]["content_mask"] and record["settings"]["style_mask"]
    assert set(job["masks"]) == {"protect", "content", "style"}  # to go back to
    assert np.array_equal(pixels(visitor.get(job["masks"]["protect"])), mask)
    half = visitor.wait(visitor.start(*inputs, options=SMALL, points=POINTS, protect=url(mask[:, :20])))
    assert half["state"] == "failed" and "the mask protect is 20 x 40" in half["error"]["error"]


def test_links_lead_nowhere_inside(visitor):
    status, said, _ = visitor.ask(
        "POST", "api/images/link", {"url": f"http://127.0.0.1:{visitor.url.rsplit(':', 1)[1].strip('/')}/x"}
    )
    assert status == 400 and said["field"] == "url"
    status, said, _ = visitor.ask("POST", "api/images/link", {"url": "http://127.0.0.1/x.png"})
    assert status == 400 and "public internet" in said["error"] and said["field"] == "url"


def test_a_worker_that_dies_is_replaced(server, visitor, inputs):
    import psutil

    job = visitor.start(*inputs, options={"size": 64, "steps": 10_000}, points=POINTS)
    visitor.reach(job, 1)
    below = psutil.Process().children()  # which are the workers, or the process that they were forked from
    workers = [p for p in below if "spawn_main" in " ".join(p.cmdline())] or [
        p for one in below if "forkserver" in " ".join(one.cmdline()) for p in one.children()
    ]
    assert workers
    for worker in workers:  # the idle one too: it is replaced when it is asked for something
        os.kill(worker.pid, 9)
    said = visitor.wait(job)
    assert said["state"] == "failed" and "ended unexpectedly" in said["error"]["error"]
    assert visitor.wait(visitor.start(*inputs, options=SMALL, points=POINTS))["state"] == "done"
    assert visitor.ask("POST", "api/images/sample", {"id": "ink"})[0] == 201


def test_the_catalogue_names_what_is_there(server, visitor):
    found = visitor.get("api/config")
    assert len(found["painters"]) >= 12 and found["links"] and found["max_upload_mb"] == 2
    for place in (found["painters"][0]["thumb"], found["painters"][1]["image"], found["samples"][0]["thumb"]):
        assert not place.startswith("/") and 300 <= max(pixels(visitor.get(place)).shape) <= 1024
    assert plain(server.port, "GET", "/api/painters/nothing")[0] == 404
