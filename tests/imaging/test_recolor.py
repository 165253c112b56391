"""Colours alone: each method against an oracle or by what must not change, and the command."""

import cv2
import numpy as np
import pytest
import torch
from conftest import blobs, refused
from skimage import data
from skimage.color import rgb2lab
from skimage.exposure import equalize_hist, match_histograms

import cli
import dst
from dst import imaging
from dst.config import RECOLORINGS, InputError
from dst.imaging import transport
from dst.imaging.recolor import FEW
from dst.imaging.regrain import regrain
from dst.imaging.spaces import from_space, to_space

STYLED = [name for name, row in RECOLORINGS.items() if row.styled]
CONTENT, STYLE = data.astronaut()[::4, ::4], data.coffee()[::4, ::4]


def clouds(seed=0, count=3000):
    """Two clouds of colours of different shapes: one bent, one in three lumps."""
    rng = np.random.default_rng(seed)
    own = rng.beta(2, 3, (count, 3)) @ np.array([[0.6, 0.2, 0.1], [0.2, 0.5, 0.1], [0.0, 0.2, 0.7]])
    lumps = rng.integers(0, 3, count - 500)
    other = np.array([[0.2, 0.3, 0.7], [0.8, 0.6, 0.2], [0.3, 0.7, 0.3]])[lumps] + 0.05 * rng.normal(
        size=(len(lumps), 3)
    )
    return own, other


def mapped(method, own, other, seed=0):
    rng = [np.random.default_rng(seed)] if method in ("idt", "sliced") else []
    return getattr(transport, method.replace("-", "_") + "_map")(own, other, *rng)


def apart(one, other, axes):
    """Mean distance of the quantiles of two clouds along some axes: a Wasserstein distance of marginals."""
    at = np.linspace(0.005, 0.995, 200)
    return np.mean([np.abs(np.quantile(one @ a, at) - np.quantile(other @ a, at)).mean() for a in axes])


def rgb_of(image):
    return image.rgb[0].permute(1, 2, 0).double().numpy()


def test_histogram_is_that_of_scikit_image():
    made = dst.recolor(CONTENT, STYLE, method="histogram")
    expected = match_histograms(CONTENT / 255, STYLE / 255, channel_axis=-1)
    assert np.abs(rgb_of(made) - expected).max() < 1e-6
    own, other = (imaging.read(x).rgb for x in (CONTENT, STYLE))
    in_lab = [to_space(x.double(), "lab")[0].permute(1, 2, 0).numpy() for x in (own, other)]
    expected = torch.from_numpy(match_histograms(*in_lab, channel_axis=-1)).permute(2, 0, 1)[None]
    made = dst.recolor(CONTENT, STYLE, method="histogram", space="lab")
    assert (made.rgb - from_space(expected, "lab")).abs().max() < 1e-5


def test_equalise_is_that_of_scikit_image_and_in_lab_changes_lightness_alone():
    made = dst.recolor(CONTENT, method="equalise", space="rgb")
    expected = np.stack([equalize_hist(CONTENT[..., k] / 255) for k in range(3)], 2)
    assert np.abs(rgb_of(made) - expected).max() < 1e-6
    grey = np.repeat(data.camera()[::4, ::4, None], 3, 2)
    lightness = rgb2lab(rgb_of(dst.recolor(grey, method="equalise")))
    assert np.allclose(lightness[..., 0] / 100, equalize_hist(rgb2lab(grey)[..., 0] / 100), atol=1e-4)
    assert np.abs(lightness[..., 1:]).max() < 0.01


@pytest.mark.parametrize("method", ["monge-kantorovich", "reinhard"])
def test_moments_become_the_style_s(method):
    own, other = clouds()
    made = mapped(method, own, other)(own)
    assert np.allclose(made.mean(0), other.mean(0), atol=1e-6)
    if method == "reinhard":
        assert np.allclose(made.std(0), other.std(0), atol=1e-6)
    else:
        assert np.allclose(np.cov(made.T, ddof=0), np.cov(other.T, ddof=0), atol=1e-6)


def test_the_linear_map_is_the_least_of_those_that_carry_the_covariance_over():
    own, other = clouds()
    change = mapped("monge-kantorovich", own, other)
    matrix = (change(np.eye(3)) - change(np.zeros((1, 3)))).T
    assert (
        np.allclose(matrix, matrix.T) and np.linalg.eigvalsh(matrix).min() > 0
    )  # Brenier: a convex potential's gradient
    moved = np.square(change(own) - own).mean()
    own_root, other_root = (np.linalg.cholesky(np.cov(x.T, ddof=0)) for x in (own, other))
    cholesky = (own - own.mean(0)) @ (other_root @ np.linalg.inv(own_root)).T + other.mean(0)
    assert moved < np.square(cholesky - own).mean()


def test_monge_kantorovich_is_that_of_pot():
    ot = pytest.importorskip("ot")
    own, other = clouds()
    found = ot.da.LinearTransport(reg=0).fit(Xs=own, Xt=other).transform(Xs=own)
    assert np.allclose(mapped("monge-kantorovich", own, other)(own), found, atol=1e-5)


@pytest.mark.parametrize("method", ["idt", "sliced"])
def test_the_distribution_comes_near_along_every_axis(method):
    own, other = clouds()
    axes = np.random.default_rng(5).normal(size=(20, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    made = mapped(method, own, other)(own)
    linear = mapped("monge-kantorovich", own, other)(own)
    assert apart(made, other, axes) < 0.04 * apart(own, other, axes)
    assert apart(made, other, axes) < 0.25 * apart(linear, other, axes)
    assert np.array_equal(mapped(method, own, other)(own), made)
    assert not np.array_equal(mapped(method, own, other, seed=1)(own), made)


@pytest.mark.parametrize("space", ["rgb", "lab", "oklab"])
@pytest.mark.parametrize("method", STYLED)
def test_an_image_in_its_own_colours_stays(method, space):
    made = dst.recolor(CONTENT, CONTENT, method=method, space=space)
    assert (made.rgb - imaging.read(CONTENT).rgb).abs().max() < 2e-5


@pytest.mark.parametrize("method", STYLED)
def test_the_order_of_pixels_means_nothing(method):
    order = np.random.default_rng(2).permutation(CONTENT.shape[0] * CONTENT.shape[1])
    mixed = CONTENT.reshape(-1, 3)[order].reshape(CONTENT.shape)
    made = rgb_of(dst.recolor(CONTENT, STYLE, method=method, regrain=False)).reshape(-1, 3)
    again = rgb_of(dst.recolor(mixed, STYLE[::-1, ::-1], method=method, regrain=False)).reshape(-1, 3)
    assert np.allclose(made[order], again, atol=2e-6)


def test_spaces_there_and_back():
    rgb = torch.rand(1, 3, 20, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rgb[..., 0], rgb[..., 1], rgb[:, 0, :, 2] = 0, 1, 1
    for space in ("lab", "oklab"):
        assert (from_space(to_space(rgb, space), space) - rgb).abs().max() < 1e-6
    expected = rgb2lab(rgb[0].numpy(), channel_axis=0) / 100
    assert np.allclose(to_space(rgb, "lab")[0].numpy(), expected, atol=1e-6)
    red = to_space(torch.tensor([1.0, 0, 0], dtype=torch.float64).view(1, 3, 1, 1), "oklab").flatten()
    assert np.allclose(red.numpy(), [0.62796, 0.22486, 0.12585], atol=1e-4)  # Ottosson's table


def test_regraining_removes_grain_and_keeps_an_image_that_has_none():
    image = imaging.read(CONTENT).rgb
    assert (regrain(image, image) - image).abs().max() < 1e-5
    ramp = torch.linspace(0.4, 0.5, 96).expand(1, 3, 64, 96).contiguous()
    noise = 0.05 * torch.randn(ramp.shape, generator=torch.Generator().manual_seed(0))
    made = regrain(ramp, (ramp + 0.2 + noise).clamp(0, 1))
    assert (made - ramp - 0.2).std() < 0.2 * noise.std() and abs(float((made - ramp).mean()) - 0.2) < 0.01
    flat = torch.full((1, 3, 30, 30), 0.3)
    assert torch.allclose(regrain(flat, flat + 0.4), flat + 0.4, atol=1e-5)  # no gradient says where to begin


def test_strips_of_a_large_image_agree_with_the_whole(monkeypatch):
    from dst.imaging import color

    whole = dst.recolor(CONTENT, STYLE, method="idt")
    monkeypatch.setattr(color, "STRIP", 128 * 40)
    assert (dst.recolor(CONTENT, STYLE, method="idt").rgb - whole.rgb).abs().max() < 1e-5


def test_a_map_fitted_to_a_sample_is_near_that_of_all_pixels():
    large = data.astronaut()
    assert large.shape[0] * large.shape[1] > FEW
    made = rgb_of(dst.recolor(large, STYLE, method="sliced", regrain=False)).reshape(-1, 3)
    before = apart(large.reshape(-1, 3) / 255, STYLE.reshape(-1, 3) / 255, np.eye(3))
    assert apart(made, STYLE.reshape(-1, 3) / 255, np.eye(3)) < 0.05 * before


@pytest.mark.parametrize("method", STYLED)
def test_few_colours_give_something_sensible(method):
    one = np.full((20, 24, 3), (40, 90, 200), np.uint8)
    mean = to_space(imaging.read(STYLE).rgb.double(), RECOLORINGS[method].space).mean((2, 3), keepdim=True)
    mean = from_space(mean, RECOLORINGS[method].space)
    for flat in (one, one[:1, :1]):
        made = dst.recolor(flat, STYLE, method=method).rgb
        assert (made - mean).abs().max() < 1e-3
        made = dst.recolor(CONTENT, flat, method=method, regrain=False).rgb
        assert (made - imaging.read(one).rgb[..., :1, :1]).abs().max() < 0.01
    grey = np.repeat(data.camera()[::8, ::8, None], 3, 2)
    made = dst.recolor(STYLE, grey, method=method, regrain=False).rgb
    if method != "histogram":  # which ranks each channel by itself: what differs between channels goes on to differ
        chroma = [float((x.amax(1) - x.amin(1)).mean()) for x in (imaging.read(STYLE).rgb, made)]
        assert chroma[1] < 0.1 * chroma[0]  # a grey style leaves hardly a colour
    assert torch.isfinite(dst.recolor(grey, STYLE, method=method).rgb).all()


def test_equalising_one_colour_leaves_it():
    for size in ((20, 24), (1, 1)):
        one = np.full((*size, 3), (40, 90, 200), np.uint8)
        assert (dst.recolor(one, method="equalise").rgb - imaging.read(one, min_side=1).rgb).abs().max() < 1e-6


def test_masks_say_what_is_recoloured_and_where_colours_come_from():
    mask = np.zeros(CONTENT.shape[:2], np.uint8)
    mask[:, 40:], mask[:, 30:40] = 255, 128
    made, given = dst.recolor(CONTENT, STYLE, content_mask=mask), imaging.read(CONTENT)
    assert torch.equal(made.rgb[..., :30], given.rgb[..., :30])
    alone = dst.recolor(np.ascontiguousarray(CONTENT[:, 30:]), STYLE)
    assert torch.allclose(made.rgb[..., 40:], alone.rgb[..., 10:], atol=1e-6)
    between = torch.lerp(given.rgb[..., 30:40], alone.rgb[..., :10], 128 / 255)
    assert torch.allclose(made.rgb[..., 30:40], between, atol=1e-6)
    half = np.zeros(STYLE.shape[:2], np.uint8)
    half[:50] = 255
    made = dst.recolor(CONTENT, STYLE, style_mask=cv2.resize(half, None, fx=2, fy=2)).rgb
    assert torch.allclose(made, dst.recolor(CONTENT, np.ascontiguousarray(STYLE[:50])).rgb, atol=0.02)


def test_strength_is_the_share_of_the_change():
    given, whole = imaging.read(CONTENT).rgb, dst.recolor(CONTENT, STYLE).rgb
    assert torch.equal(dst.recolor(CONTENT, STYLE, strength=0).rgb, given)
    assert torch.allclose(dst.recolor(CONTENT, STYLE, strength=0.5).rgb, (given + whole) / 2, atol=1e-6)


def test_what_is_transparent_is_not_counted():
    clear = np.dstack([CONTENT, np.full(CONTENT.shape[:2], 255, np.uint8)])
    clear[:40] = (0, 255, 0, 0)
    made = dst.recolor(clear, STYLE)
    alone = dst.recolor(np.ascontiguousarray(CONTENT[40:]), STYLE)
    assert torch.allclose(made.rgb[..., 40:, :], alone.rgb, atol=1e-6)
    assert torch.equal(made.alpha, imaging.read(clear).alpha)
    where = np.zeros(CONTENT.shape[:2], np.uint8)
    where[:40] = 255
    with pytest.raises(InputError, match="white only where the image is transparent"):
        dst.recolor(clear, STYLE, content_mask=where)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"method": "monge-kantorovitch"},
            "method 'monge-kantorovitch' is not known: choose one of histogram, .*did you mean",
        ),
        ({"space": "hsv"}, "space 'hsv' is not known: choose one of rgb, lab, oklab"),
        ({"strength": 1.5}, "strength is 1.5: it takes a finite number from 0 to 1"),
        ({"seed": -1}, "seed is -1"),
        ({"regrain": 1}, "regrain is 1: it takes True or False"),
        ({"method": "equalise"}, "equalise takes no style, and a style is given"),
        ({"style": None}, "monge-kantorovich takes its colours from a style, and none is given"),
        ({"style": None, "method": "equalise", "style_mask": CONTENT}, "and a style mask is given"),
        ({"content_mask": np.zeros((128, 128))}, "is zero everywhere: paint white"),
        ({"content_mask": np.ones((64, 128))}, "is 128 x 64, the image is 128 x 128: give a mask of the same shape"),
        ({"content": "none.png"}, "none.png does not exist"),
    ],
)
def test_what_cannot_be_used_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        dst.recolor(**{"content": CONTENT, "style": STYLE} | options)


def test_the_command_keeps_16_bits_and_alpha(tmp_path, capsys):
    deep = np.random.default_rng(0).integers(0, 65536, (40, 48, 4)).astype(np.uint16)
    paths = [str(tmp_path / name) for name in ("deep.png", "style.png", "out.png")]
    cv2.imwrite(paths[0], deep)
    imaging.write(paths[1], STYLE)
    assert cli.main(["recolor", *paths[:2], "-o", paths[2]]) == 0 and "wrote" in capsys.readouterr().err
    made = cv2.imread(paths[2], cv2.IMREAD_UNCHANGED)
    assert made.shape == deep.shape and made.dtype == np.uint16 and np.array_equal(made[..., 3], deep[..., 3])
    assert len(np.unique(made[..., :3])) > 2000  # not 256 steps
    expected = dst.recolor(paths[0], paths[1])
    assert np.array_equal(imaging.to_array(expected.rgb, depth=16), made[..., 2::-1])
    flags = ["--strength", "0", "--quiet", "--no-regrain", "--method", "idt", "--seed", "3"]
    assert cli.main(["recolor", *paths[:2], "-o", paths[2], *flags]) == 0
    assert np.array_equal(cv2.imread(paths[2], cv2.IMREAD_UNCHANGED), deep)


def test_the_command_takes_masks_and_needs_no_style_to_equalise(tmp_path):
    names = ("a.png", "b.png", "mask.png", "out.png")
    content, style, mask, out = (str(tmp_path / name) for name in names)
    imaging.write(content, blobs((48, 40), 1))
    imaging.write(style, blobs((40, 52), 2))
    white = np.zeros((40, 48, 3), np.uint8)
    white[:, 24:] = 255
    imaging.write(mask, white)
    for given in ([style], ["--method", "equalise"]):
        assert cli.main(["recolor", content, *given, "-o", out, "--content-mask", mask, "--quiet"]) == 0
        made = imaging.to_array(imaging.read(out).rgb)
        assert np.array_equal(made[:, :24], blobs((48, 40), 1)[:, :24]) and (made != blobs((48, 40), 1))[:, 24:].any()
    assert cli.main(["recolor", content, style, "-o", out, "--compare", "--quiet", "--style-mask", style]) == 0
    width, height = imaging.read(out).size
    assert height > 600 and width > 800  # two rows of four


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.png", "-o", "o.png"], "takes its colours from a style, and none is given"),
        (["a.png", "b.png", "-o", "o.png", "--method", "equalise"], "takes no style, and a style is given"),
        (["a.png", "-o", "o.png", "--compare"], "takes its colours from a style"),
        (["a.png", "b.png"], "required: -o"),
        (["a.png", "b.png", "c.png", "-o", "o.png"], "one style is taken"),
        (["a.png", "b.png", "-o", "o.png", "--method", "idtt"], "did you mean 'idt'"),
        (["a.png", "b.png", "-o", "a.png"], "is an input"),
        (["a.png", "b.png", "-o", "mask.png", "--content-mask", "mask.png"], "is an input"),
        (["a.png", "b.png", "-o", "o.png", "--content-mask", "b.png"], "give a mask of the same shape"),
        (["a.png", "b.png", "-o", "o.png", "--style-mask", "mask.png"], "is zero everywhere"),
        (["none.png", "b.png", "-o", "o.png"], "does not exist"),
        (["a.png", "b.png", "-o", "none/o.png"], "does not exist: create it"),
    ],
)
def test_bad_input_gets_one_line_and_leaves_no_file(arguments, words, image_file, tmp_path, capsys):
    image_file("a.png", seed=1), image_file("b.png", (40, 52), seed=2)
    imaging.write(tmp_path / "mask.png", np.zeros((52, 40, 3), np.uint8))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    given = [str(tmp_path / word) if ".png" in word else word for word in arguments]
    assert words in refused(capsys, "recolor", *given)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
