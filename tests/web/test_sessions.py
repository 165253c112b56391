"""What is kept, for how long, and what an earlier server left."""

import json
import stat
import time

import pytest

from dst.config import InputError, StylizeConfig, WebConfig, option_fields
from dst.config.page import CONTROLS, IDLE, LIMITS, PAINTERS
from dst.config.samples import SAMPLES
from dst.web import catalogue, remembered, sessions
from dst.web.sessions import Job, Picture, Sessions, fresh_id


def filled(home, keep=100.0, used=None):
    """Sessions with one that has a picture and two jobs; its cookie."""
    table = Sessions(home, keep)
    session, cookie = table.find(None)
    used = time.time() if used is None else used
    picture = Picture(fresh_id(), "me.jpg", 40, 30, "f00", used=used)
    done = Job(
        fresh_id(), "stylize", used, picture.id, [], state="done", result={"verdict": "fine"}, used=used, ended=used
    )
    waits = Job(fresh_id(), "stylize", used, picture.id, [], state="running", used=used)
    for item, name in ((picture, "pictures"), (done, "jobs"), (waits, "jobs")):
        getattr(session, name)[item.id] = item
        session.keep(item)
    return table, session, cookie, picture, done, waits


def test_a_stopped_servers_results_are_there_again_and_what_was_not_done_has_failed(tmp_path):
    _, session, cookie, picture, done, waits = filled(tmp_path)
    again, same = Sessions(tmp_path, 100).find(cookie)
    assert same == cookie and again is not session and again.key == session.key
    assert again.pictures == {picture.id: picture} and again.jobs[done.id] == done
    assert again.jobs[waits.id].state == "failed" and "stopped" in again.jobs[waits.id].error["error"]
    assert cookie not in "".join(map(str, tmp_path.rglob("*")))  # a listing lets nobody in


@pytest.mark.parametrize(
    "change",
    [
        lambda about: {**about, "full": "../../../etc/passwd"}, lambda about: {**about, "full": "/etc/passwd"},
        lambda about: {**about, "width": "4"}, lambda about: {**about, "id": fresh_id()}, lambda about: [about],
        lambda about: {"id": about["id"]}, lambda about: {**about, "used": None},
    ],
)  # fmt: skip
def test_a_damaged_note_of_a_picture_is_left_out(tmp_path, change):
    _, session, cookie, picture, done, _ = filled(tmp_path)
    place = session.home(picture) / "about.json"
    place.write_text(json.dumps(change(json.loads(place.read_text()))))
    (session.folder / "jobs" / "..evil").mkdir()
    again, _ = Sessions(tmp_path, 100).find(cookie)
    assert not again.pictures and done.id in again.jobs


def test_what_is_old_is_deleted_and_what_a_job_needs_stays(tmp_path):
    now = time.time()
    table, session, cookie, picture, done, waits = filled(tmp_path, 100.0, now - 200)
    homes = {item.id: session.home(item) for item in (picture, done, waits)}
    table.tidy(now)
    assert not homes[done.id].exists() and homes[picture.id].exists() and homes[waits.id].exists()
    waits.state, waits.ended = "done", now - 150
    table.tidy(now)
    assert not homes[picture.id].exists() and not homes[waits.id].exists()
    session.used = now - 150
    table.tidy(now)
    assert not table.table and not session.folder.exists()
    fresh, other = table.find(cookie)
    assert other != cookie and not fresh.pictures


def test_what_is_used_stays(tmp_path):
    now = time.time()
    table, session, _, picture, done, _ = filled(tmp_path, 100.0, now - 50)
    table.tidy(now)
    assert picture.id in session.pictures and done.id in session.jobs


def test_too_many_visitors_push_out_those_who_have_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 3)
    table, session, cookie, *_ = filled(tmp_path)
    for _ in range(5):
        assert table.find(None)[0] is not None
    assert len(table.table) == 3 and table.find(cookie)[0] is session


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h", 3600), ("2d", 172800), (" 1H ", 3600)]
)
def test_a_time_has_its_unit(text, seconds):
    assert WebConfig(keep=text).keep == seconds


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"keep": "1"}, "keep is '1'"), ({"keep": "1w"}, "keep"), ({"keep": "0s"}, "keep"), ({"keep": "999d"}, "keep"),
        ({"keep": True}, "keep"), ({"port": 70000}, "port"), ({"workers": 0}, "workers"), ({"host": "0.0.0.0"}, "share_on_network"),
        ({"host": "192.168.1.4"}, "share_on_network"), ({"share_on_network": True}, "password"),
        ({"share_on_network": True, "password": "short"}, "8 printable"), ({"host": ""}, "host"), ({"host": "a b"}, "host"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_used_are_refused_and_a_password_is_not_repeated(options, words):
    with pytest.raises(InputError, match=words) as error:
        WebConfig(**options)
    assert "short" not in str(error.value).replace("too short", "")


def test_only_who_says_so_is_reached_from_elsewhere():
    assert WebConfig().address == "127.0.0.1" and WebConfig().hosts is not None
    shared = WebConfig(share_on_network=True, password="a long pass")
    assert shared.address == "0.0.0.0" and shared.hosts is None


def test_the_page_shows_the_options_of_a_run_as_they_are():
    known, defaults = option_fields(), StylizeConfig().flat()
    shown = {row["name"]: row for row in catalogue.options(1024)}
    assert list(shown) == list(CONTROLS) and set(shown) - {"preset"} <= set(known)
    for name, row in shown.items():
        if name == "preset":
            continue
        assert row["default"] == defaults[name] and row["help"][:-1].lower() in known[name].metadata["help"].lower()
        if row["kind"] in ("range", "number"):
            assert row["least"] <= row["low"] <= row["default"] <= row["high"] <= row["most"]
        if row["kind"] == "choice":
            assert row["default"] in [choice["value"] for choice in row["choices"]]
            for choice in row["choices"]:
                StylizeConfig.from_options(**{name: choice["value"]})
    assert shown["size"]["most"] == 1024 and len({row["label"] for row in shown.values()}) == len(shown)
    assert set(PAINTERS) == set(SAMPLES) and len(PAINTERS) >= 12


def test_what_a_trained_network_has_no_use_for_is_put_away():
    """Every handle that is left does something, and none that is put away would have been taken."""
    from dst.deform.guidance import check_guidance

    def check(**options):
        config = StylizeConfig.from_options(model="woodcut", **options)
        check_guidance(config, 1, True, None, ["model", *options])

    shown = {row["name"]: row for row in catalogue.options(1024) if row["name"] != "method"}
    assert set(IDLE) < set(shown) and set(LIMITS) < set(shown) - set(IDLE)
    for name in set(shown) - set(IDLE):
        row = shown[name]
        offered = [choice["value"] for choice in row.get("choices", ())]
        limited = {"preserve_color": LIMITS["preserve_color"], "style_strength": [0.0, LIMITS["style_strength"]]}
        for value in limited.get(name, offered or [row.get("high", True)]):
            check(**{name: value})
    refused = {"look": 0.2, "stroke_size": 1.5, "steps": 9, "init": "noise", "rotations": True, "color_only": True}
    assert set(IDLE) - set(refused) == {"seed", "preset", "raw_colors"}  # which change nothing
    for name, value in {**refused, "style_strength": LIMITS["style_strength"] + 0.1}.items():
        with pytest.raises(InputError, match=f"{name}|model"):
            check(**{name: value})


def test_each_drawn_painter_has_its_networks_card():
    from dst.networks.shipped import shipped_styles

    menu = catalogue.painters(None)
    assert len(menu) >= 12
    for name, card in shipped_styles().items():
        told = menu[name].network
        assert (told["network"], told["steps"], told["licence"]) == (card["network"], card["steps"], card["licence"])
        assert told["data"] == card["data"]["photographs"]


def test_matching_is_told_nothing_of_the_network():
    from dst.web.orders import _run_options

    given = {"method": "network", "model": "ink", "max_points": 20}
    assert _run_options("match", given, 1, 512) == {"max_points": 20}


def test_a_request_sets_no_files_devices_or_sizes_beyond():
    for given, words in (
        ({"weights": "/etc/passwd"}, "not known"), ({"rigid_mask": "/etc/passwd"}, "not known"), ({"device": "cuda"}, "not known"),
        ({"init": "/etc/passwd"}, "init"), ({"threads": 64}, "not known"), ({"size": 2000}, "up to 1024"), ({"size": 1.5}, "size is 1.5"),
        ({"sise": 64}, "did you mean 'size'"), ({"look": "dull"}, "look"), ({"seed": -1}, "seed"), ([], "options"), ({"seed": float("nan")}, "seed"),
        ({"stroke_size": [[1]]}, "stroke_size"), ({"color_only": "yes"}, "color_only"), ({"points": "x"}, "not known"),
        ({"model": "/etc/passwd"}, "model '/etc/passwd' is not known"), ({"model_style": ["ink"]}, "not known"), ({"method": "network"}, "model is not"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            catalogue.check_options(given, 1024)
    checked = catalogue.check_options({"look": "photo", "size": 256, "warp": False, "seed": None}, 1024)
    assert checked == {"look": 0.0, "size": 256, "warp": False}


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("size is 9000: it takes a whole number from 64 to 8192", "size"), ("`size` is 9", "size"), ("look 'x' is not known", "look"),
        ("the style a.png is 20 x 20 pixels, and a stroke_size of 2 at size 512 needs", "stroke_size"), ("url: x is not found", "url"),
        ("points: 2 matches: at least 3 are needed; add more points", "points"), ("it has a fault", None),
        ("rigid_mask is given, but no warp is asked for", "protect"), ("points are given, but no warp is asked for", "points"),
    ],
)  # fmt: skip
def test_an_error_is_shown_beside_its_field(message, field):
    assert catalogue.field_of(message) == field


def test_a_folder_of_painters_is_shown_and_remembered(tmp_path, monkeypatch, image_file):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    assert remembered.painters_folder(None) == (None, "")
    folder = tmp_path / "mine"
    folder.mkdir()
    with pytest.raises(InputError, match="holds no images"):
        catalogue.painters(str(folder))
    image_file("mine/my_wave.png")
    (folder / "notes.txt").write_text("x")
    assert remembered.painters_folder(str(folder)) == (str(folder), "")
    again, said = remembered.painters_folder(None)
    assert again == str(folder) and str(folder) in said
    menu = catalogue.painters(again)
    assert list(menu)[:12] == list(PAINTERS) and [p.name for p in menu.values()][12:] == ["my wave"]
    with pytest.raises(InputError, match="no folder"):
        remembered.painters_folder(str(tmp_path / "nothing"))
    assert remembered.painters_folder("none") == (None, "") and remembered.painters_folder(None) == (None, "")
    remembered.place().write_text('{"painters": "/not/there"}')
    assert remembered.painters_folder(None)[0] is None
    remembered.place().write_text("[")
    assert remembered.painters_folder(None) == (None, "")


def test_the_servers_folder_is_private_and_gone_in_the_end(tmp_path):
    pytest.importorskip("starlette", reason="the page is not installed: pip install '.[web]'")
    from dst.web.server import private_folder

    with private_folder(None) as home:
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not home.exists()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "letters.txt").write_text("mine")
    with pytest.raises(InputError, match=r"letters\.txt"), private_folder(str(tmp_path / "taken")):
        pass
    with private_folder(str(tmp_path / "state")) as home:
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        with pytest.raises(InputError, match="another server"), private_folder(str(tmp_path / "state")):
            pass
    assert home.exists()
