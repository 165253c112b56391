"""What the other tabs show and take, and what the page says of matches."""

import json

import pytest

from dst.config import InputError
from dst.config.page import TABS
from dst.config.tabs import MAKERS
from dst.web import catalogue
from dst.web.verdicts import plainly

TASKS = [(name, task) for name, tab in MAKERS.items() for task in tab.tasks]


def test_every_tab_has_its_file_and_its_task():
    pytest.importorskip("torch")
    from dst.web.tasks import TASKS as DONE

    assert [name for name in TABS if name != "style"] == list(MAKERS)
    for name in TABS:
        assert (catalogue.STATIC / "tabs" / f"{name}.js").is_file()
        assert name == "style" or name in DONE


@pytest.mark.parametrize("name", MAKERS)
def test_a_tab_shows_options_of_their_own_configs_and_defaults_that_they_take(name):
    tab = MAKERS[name]
    shown = {row["name"]: row for row in json.loads(json.dumps(catalogue._tab_options(tab, 1024)))}
    assert list(shown) == list(tab.controls)
    for option, row in shown.items():
        f = tab.field_of(option)
        kind = f.metadata["kind"]
        own = tab.controls[option].text or f.metadata["help"]
        assert row["help"][:-1].lower() in own.lower() and "--" not in row["help"], option
        if row["kind"] == "choice":
            assert row["default"] in [choice["value"] for choice in row["choices"]], option
        elif row["kind"] == "switch":
            assert row["default"] is f.default
        else:
            assert kind.low <= row["low"] <= row["default"] <= row["high"] <= kind.high, option


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_a_task_takes_what_its_handles_offer(name, task):
    tab = MAKERS[name]
    shown = {row["name"]: row for row in catalogue._tab_options(tab, 1024)}
    assert tab.checked(task, {option: None for option in tab.tasks[task].controls}, 1024) == {}
    for option in tab.tasks[task].controls:
        row = shown[option]
        offered = {"choice": lambda row=row: [c["value"] for c in row["choices"]], "switch": lambda: [True, False]}
        values = offered.get(row["kind"], lambda row=row: [row["low"], row["high"]])()
        for value in values:
            found = tab.checked(task, {option: value}, 1024)
            assert (option in found) is (value is not None), (option, value)
    idle = set(tab.controls) - set(tab.tasks[task].controls)
    for option in idle:
        with pytest.raises(InputError, match=option):
            tab.checked(task, {option: shown[option]["default"]}, 1024)


def test_what_no_handle_offers_is_refused_beside_its_field():
    for name, task, given, words in (
        ("texture", "plain", {"size": "4000x4000"}, "choose one of 256x256"), ("texture", "plain", {"layers": "relu1_1"}, "layers"),
        ("texture", "plain", {"size": [512, 512]}, "size"), ("one-image", "sample", {"method": "singan"}, "choose one of gpnn, gpdm"),
        ("one-image", "sample", {"side": 2048}, "side is 2048: it takes up to 1024"), ("one-image", "quilt", {"block": 7}, "block"),
        ("laboratory", "picture", {"init": "/etc/passwd"}, "init"), ("exaggerate", "photo", {"jaw": "1e999"}, "jaw"),
        ("exaggerate", "photo", {"strength": float("nan")}, "strength"), ("exaggerate", "photo", [], "options"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words) as error:
            MAKERS[name].checked(task, given, 1024)
        if isinstance(given, dict):
            assert catalogue.field_of(str(error.value)) == next(iter(given))


VERDICTS = [
    ("24 matches; the median one lies 0.4% of the content's long side from a smooth warp", "24 places of the two pictures go together, and agree well."),
    ("24 matches; the median one lies 2.4% of the content's long side from a smooth warp; 5 of them are landmarks of a face", "5 of them in the face, and agree roughly."),
    ("9 matches; the median one lies 0.4% of the content's long side from a smooth warp; of little confidence, so the warp is softened to 40%: look at the plot of the matches, drop wrong ones, pin right ones, or give points", "by 40% only"),
    ("9 matches; the median one lies 0.4% of the content's long side from a smooth warp; warp_strength is 0: plain style transfer", "Warp strength is 0"),
    ("3 matches, at least 8 are needed: plain style transfer; give points, pin some, or take a painting of a like subject in a like pose", "Only 3 places"),
    ("6 reliable matches, fewer than 8: plain style transfer; give points", "Only 6 places"),
    ("the two images have too little in common (confidence 0.12): plain style transfer; give points", "too little in common"),
    ("55% of the matches cross another one, at most 30% may: plain style transfer; give points", "contradicts"),
    ("no smooth warp fits: the median match lies 9.0% of the content's long side from one", "different ways"),
    ("the style points lie on a line or in one spot (0.1 pixels across): plain style transfer; give points", "one spot"),
    ("an image of 400 x 20 is 13 pixels wide at 256, and matching needs 16: a matching size of 330 would do: plain style transfer", "400 × 20"),
    ("no warp was asked for: plain style transfer", "without bending"),
    ("5 points given", "It follows the 5 points."), ("2 points given, fewer than the 3 that a warp takes: plain style transfer; x", "give 3 or more"),
    ("something new", "Something new."),
]  # fmt: skip


@pytest.mark.parametrize(("verdict", "words"), VERDICTS)
def test_a_verdict_is_said_in_the_pages_words(verdict, words):
    said = plainly(verdict)
    assert (
        words in said
        and said.endswith(".")
        and not {"pin ", "plot", "drop ", "--", "give points", "plain style"}
        & {w for w in ("pin ", "plot", "drop ", "--", "give points", "plain style") if w in said}
    )


def test_the_toolkits_own_verdicts_are_known():
    """Those that matching gives by itself, so that new words there are noticed here."""
    np = pytest.importorskip("numpy")
    import correspondence
    from correspondence.matches import Matches

    rng = np.random.default_rng(0)
    points = rng.uniform(0, 100, (30, 2))
    for content, style, words in (
        (points, points + 1, "30 places"), (points[:2], points[:2], "Only 2"), (points, points[::-1], "so the shapes stay"),
        (np.stack([points[:, 0], 0 * points[:, 0]], 1), points, "one spot"),
    ):  # fmt: skip
        found = Matches(content, style, np.ones(len(content)), (100, 100), (100, 100))
        assert words in plainly(correspondence.reliable(found)[1])


def test_the_bent_preview_is_what_a_run_bends_nearly():
    """Quicker by fewer steps and a coarser look for folds, it is off by less than a hundredth of the long side."""
    np = pytest.importorskip("numpy")
    from correspondence.matches import Matches
    from dst.config import WarpConfig
    from dst.deform.fitting import fit_warp
    from dst.web.tasks import WARP_NODES, WARP_STEPS

    rng = np.random.default_rng(1)
    content = rng.uniform(20, 230, (40, 2))
    found = Matches(content, content * 1.5 + rng.normal(0, 2, (40, 2)), np.full(40, 0.9), (250, 250), (375, 375))
    weights = WarpConfig()
    whole, quick = (
        fit_warp(found, 1.0, weights.beta, weights.gamma, **more).warp.field((25, 25))(0, 25)
        for more in ({}, {"steps": WARP_STEPS, "nodes": WARP_NODES})
    )
    far = [float((a - b).abs().max()) * 10 for a, b in zip(whole, quick, strict=True)]  # a pixel there is ten
    moved = float((whole[0] - whole[0].mean(0, keepdim=True)).abs().max())
    assert max(far) < 2.5 and moved > 0, (far, moved)
