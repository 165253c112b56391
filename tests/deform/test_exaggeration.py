"""Faces made more themselves: nothing at 0, the mean face at -1, more of what is their own beyond, and still a face."""

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

import cli
import dst
from correspondence.similarity import fit_similarity
from dst.config import PRESETS, InputError
from dst.deform import matching
from dst.faces import detect
from dst.faces.caricature import FEATURES, exaggerated
from dst.faces.shape import GROUPS, MEAN
from dst.warp.calm import LOWEST, SLANT, survey_face


@pytest.fixture(scope="module")
def photograph():
    return np.ascontiguousarray(data.astronaut()[:280, 80:380])


@pytest.fixture(scope="module")
def face(photograph):
    return detect(photograph)[0]


class Read:
    """What an image's file holds."""

    def __init__(self, path):
        with Image.open(path) as image:
            self.size, self.frames, self.pixels = image.size, getattr(image, "n_frames", 1), np.array(image)


def own(face):
    """How far a face is from the mean face, shape alone, share of its size."""
    rows = [k for group in GROUPS.values() for k in group]
    scale, rotation, shift = fit_similarity(MEAN, face.points)
    left = face.points - (scale * MEAN @ rotation.T + shift)
    return float(np.linalg.norm(left[rows, :2], axis=1).mean() / face.size)


def test_the_rule_is_the_difference_from_the_mean_times_the_strength(face):
    groups = [name for name in GROUPS if name not in ("left eye", "right eye", "mouth")]  # those keep their form
    rows = [k for group in GROUPS.values() for k in group]
    there = np.array([k in {i for name in groups for i in GROUPS[name]} for k in rows])
    scale, rotation, shift = fit_similarity(MEAN, face.points)
    mean = (scale * MEAN @ rotation.T + shift)[rows, :2]
    source, target = exaggerated(face, -1.0, {})
    assert np.allclose(source, face.points[rows, :2]) and np.allclose(target[there], mean[there])
    source, target = exaggerated(face, 2.0, {"nose": 0.5, "jaw": 0.0})
    names = np.array([name for name, group in GROUPS.items() for _ in group])
    for part, factor in (("brows", 2.0), ("nose", 1.0), ("jaw", 0.0)):
        here = np.isin(names, FEATURES[part])
        assert np.allclose((target - source)[here], factor * (source - mean)[here])
    nothing = exaggerated(face, 0.0, {})
    assert np.allclose(*nothing)


def test_strength_goes_from_the_mean_to_the_caricature_and_the_face_stays_whole(photograph, face):
    found = []
    for strength in (-1.0, 1.0, 3.0):
        made = dst.exaggerate(photograph, strength=strength)
        (after,) = detect(made.image)
        found.append(own(after))
        within = survey_face(made.warp, np.ones(len(made.warp.source), bool))
        assert within.min_jacobian >= LOWEST and within.max_anisotropy <= SLANT and not made.warp.folds().folded
        assert made.image.rgb.shape[2:] == photograph.shape[:2] and 0.5 < made.kept <= 1
        assert np.linalg.norm(np.subtract(after.centre, face.centre)) < 0.1 * face.size
    before = own(face)
    assert found[0] < 0.7 * before and before < found[1] < found[2] and found[2] > 1.6 * before


def test_nothing_changes_at_0_and_without_a_face_there_is_one_line(photograph):
    made = dst.exaggerate(photograph, strength=0)
    assert np.array_equal((made.image.rgb[0].permute(1, 2, 0).numpy() * 255).round(), photograph) and made.kept == 1
    assert made.warp.is_identity and len(made.faces) == 1
    with pytest.raises(InputError, match="no face is found in"):
        dst.exaggerate(data.coffee()[::2, ::2])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"strength": 3.5}, "strength is 3.5: it takes a finite number from -1 to 3"),
        ({"features": {"ears": 1}}, "'ears' is not known"),
        ({"features": {"eyes": 9}}, "features eyes is 9"),
        ({"features": "eyes"}, "features is 'eyes': it takes factors"),
    ],
)
def test_what_cannot_be_used_is_refused(photograph, options, message):
    with pytest.raises(InputError, match=message):
        dst.exaggerate(photograph, **options)


def test_several_faces_are_each_exaggerated(photograph):
    beside = np.hstack([photograph, photograph[:, ::-1]])
    made = dst.exaggerate(beside, strength=2)
    before, after = (sorted(detect(x), key=lambda f: f.centre[0]) for x in (beside, made.image))
    assert len(made.faces) == len(after) == 2
    assert all(own(b) > 1.3 * own(a) for a, b in zip(before, after, strict=True))


def test_the_command_writes_the_image_a_strip_and_a_film(photograph, tmp_path, capsys):
    path, photograph = tmp_path / "me.png", cv2.resize(photograph, (150, 140), interpolation=cv2.INTER_AREA)
    Image.fromarray(photograph).save(path)
    files = [str(tmp_path / name) for name in ("out.png", "strip.png", "film.gif")]
    given = [
        "exaggerate",
        str(path),
        "-o",
        files[0],
        "--strip",
        files[1],
        "--animate",
        files[2],
        "--feature",
        "jaw=1.5",
    ]
    assert cli.main(given) == 0 and "1 face; wrote " in capsys.readouterr().err
    images = [Read(name) for name in files]
    sizes = [image.size for image in images]
    assert sizes[0] == (150, 140) and sizes[1][0] > 4 * sizes[1][1] and sizes[2] == (150, 140)
    assert images[2].frames > 20
    same = str(tmp_path / "same.png")
    assert cli.main(["exaggerate", str(path), "-o", same, "--strength", "0", "--quiet"]) == 0
    assert np.array_equal(Read(same).pixels, photograph)


def test_no_output_of_the_command_replaces_an_input_or_another_output(photograph, tmp_path, capsys):
    path, out = tmp_path / "me.png", str(tmp_path / "out.png")
    Image.fromarray(photograph).save(path)
    before = path.read_bytes()
    given = ["exaggerate", str(path), "-o", out]
    assert cli.main([*given, "--strip", str(path)]) == 2 and "is an input" in capsys.readouterr().err
    assert cli.main([*given, "--strip", out]) == 2 and "--strip" in capsys.readouterr().err
    assert path.read_bytes() == before and not (tmp_path / "out.png").exists()


def test_the_command_paints_in_a_style_and_refuses_what_would_do_nothing(photograph, tmp_path, capsys):
    path, out = tmp_path / "me.png", tmp_path / "out.png"
    Image.fromarray(cv2.resize(photograph, (150, 140), interpolation=cv2.INTER_AREA)).save(path)
    style = str(next(p for p in dst.sample_styles() if p.stem == "ink"))
    given = ["exaggerate", str(path), "-o", str(out), "--quiet"]
    assert cli.main([*given, "--size", "64"]) == 2
    message = capsys.readouterr().err
    assert "size is given, but no --style" in message and message.count("\n") == 1 and not out.exists()
    assert cli.main([*given, "--style", style, "--size", "64", "--look", "photo"]) == 0
    assert Read(out).size == (64, 60)
    assert cli.main([*given, "--shapes"]) == 2 and "no --style" in capsys.readouterr().err
    assert cli.main([*given, "--feature", "eyes=1,eyes=2"]) == 2 and "gives eyes twice" in capsys.readouterr().err


def test_the_shapes_of_a_painting_are_taken_first_and_then_exaggerated(photograph, tmp_path, monkeypatch):
    find, found = matching.find_matches, []
    # matching is tested elsewhere, and takes longer than all else here
    monkeypatch.setattr(matching, "find_matches", lambda *given: (found or found.append(find(*given)) or found)[0])
    monkeypatch.setitem(
        PRESETS, "default", {"steps": 8, "samples": 256, "style_samples": 256, "splitting": 0, "match_size": 128}
    )
    path, out = tmp_path / "me.png", tmp_path / "out.png"
    Image.fromarray(photograph).save(path)
    style = str(next(p for p in dst.sample_styles() if p.stem == "watercolour"))
    given = ["exaggerate", str(path), "-o", str(out), "--quiet", "--style", style, "--size", "64", "--look", "photo"]
    images = []
    for more in (["--strength", "0"], ["--strength", "0", "--shapes"]):
        assert cli.main([*given, *more]) == 0
        images.append(Read(out).pixels.astype(float))
    bent = dst.stylize(photograph, style, size=64, style_strength=0, metrics=False, progress=False).warp.apply(
        photograph
    )
    expected = dst.stylize(bent, style, size=64, look="photo", warp=False, metrics=False, progress=False).image
    assert np.abs(images[1] - expected).mean() < 0.3 * np.abs(images[1] - images[0]).mean()
