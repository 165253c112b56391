"""The table of methods: a method of one's own is known everywhere by one entry."""

import pytest
from conftest import blobs
from runs_of import BARE, POINTS

import cli
import dst
from dst.config import METHODS, InputError, Method
from dst.methods.table import CLASSES, encoded_layers, method_class, registered
from dst.runs.estimate import layers_of


class MeanColor:
    """The toy method: content is held by its pixels, style is the mean colour."""

    def __init__(self, encoder, content, styles, config, generator, segments=None, cache=None):
        self.content = content
        self.color = sum(s.weight * s.image.mean((2, 3)) for s in styles) / sum(s.weight for s in styles)

    def terms(self, image, warped, grid, generator):
        def style(x):
            return 100 * (x.mean((2, 3)) - self.color).square().sum()

        content = (image - self.content).square().mean()
        return {"content": content, "style": style(image), "style_warped": style(image if warped is None else warped)}


ROW = Method("mean colour", "content: pixels; style: the mean colour", layers=(("relu2_1",),))


def test_a_toy_method_runs_end_to_end(capsys):
    with registered("toy", ROW, MeanColor):
        style = blobs((72, 64), 1)
        options = {**BARE, "steps": 30, "lr": 0.05, "alpha": 0.1}
        result = dst.stylize(blobs((80, 60), 0), style, points=POINTS, method="toy", raw_colors=True, **options)
        assert abs(result.unwarped.mean() - style.mean()) < 0.3 * abs(result.content.mean() - style.mean())
        assert result.record["settings"]["method"] == "toy" and len(result.warp.source) == 5
        assert cli.main(["stylize", "--help"]) == 0 and "strotss, gatys, toy, network;" in capsys.readouterr().out
        encoder = dst.load_encoder("vgg19-16x", weights="random")
        assert layers_of(encoder, dst.StylizeConfig.from_options(method="toy")) == ["relu2_1"]
    with pytest.raises(InputError, match="method 'toy' is not known"):
        dst.stylize(blobs((80, 60), 0), style, method="toy")


def test_a_method_may_have_defaults_of_its_own():
    row = Method("x", "x", defaults={"alpha": 3.0, "steps": 7})
    with registered("toy", row, MeanColor):
        made = [
            dst.StylizeConfig.from_options(preset, **given).optimize
            for preset, given in (
                ("default", {"method": "toy"}),
                ("fast", {"method": "toy", "alpha": 5}),
                ("default", {}),
            )
        ]
    assert [(m.alpha, m.steps) for m in made] == [(3, 7), (5, 18), (dst.StylizeConfig().optimize.alpha, 30)]


def test_rows_and_classes_go_together():
    assert list(METHODS) == list(CLASSES)
    for name, row in METHODS.items():
        assert row.summary and row.compares and method_class(name) is CLASSES[name]
    with pytest.raises(InputError, match="is there already"), registered("gatys", ROW, MeanColor):
        pass


def test_a_method_takes_what_an_encoder_has():
    encoder = dst.load_encoder("compact")
    assert encoded_layers("strotss", encoder) == ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    row = Method("x", "x", layers=(("relu1_1", "relu9_9"), ("relu3_1", "relu8_8")))
    assert row.encoded(encoder.layers) == (["relu3_1"], [])
