"""Sheets of images with words around them, pixel for pixel: no image is resampled to fit a plot's axes."""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dst.imaging import flatten

GAP = 8
"""Pixels between two images."""
TEXT, LINE = 14, 19
"""Size of the words, and the height of a line of them, pixels."""


@functools.cache
def font(size: int = TEXT) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and knows most alphabets."""
    import matplotlib

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


def _width(text: str) -> int:
    return max(round(font().getlength(line)) for line in text.split("\n"))


def table_sheet(
    images: Sequence[np.ndarray],
    down: Sequence[str],
    across: Sequence[str],
    captions: Sequence[str] = (),
    foot: Sequence[str] = (),
) -> np.ndarray:
    """Images in rows and columns, the words of each row to its left and those of each column above it.

    Args:
        images: (h, w, 3 | 4) uint8, row by row; fewer than the table has places leave the last ones white.
        down: one text a row.
        across: one text a column; where all are empty, no room is left for them. One that is wider than its column goes on
            two lines, and the column is widened where that is not enough.
        captions: words beneath each image, in as many lines as its column asks for, which is widened where one word is
            wider; none for none.
        foot: paragraphs below all, likewise.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = (max((p.shape[k] for p in images), default=1) for k in (0, 1))
    if any(_width(text) > width for text in across):
        across = [text.replace(" ", "\n", 1) for text in across]
    width = max(width, *(_width(text) + GAP for text in across))
    width = max(width, *(_width(word) for text in captions for word in _words(text)), 1)
    beneath = [wrapped(text, width) for text in captions]
    tall = height + GAP + LINE * max(map(len, beneath), default=0)
    left = max(_width(text) for text in down) + 2 * GAP
    top = LINE * max(text.count("\n") + 1 for text in across) + GAP if any(across) else GAP
    full, end = left + len(across) * (width + GAP), top + len(down) * tall
    lines = [line for text in foot for line in wrapped(text, full - 2 * GAP)]
    sheet = Image.new("RGB", (full, end + LINE * len(lines) + (GAP if lines else 0)), "white")
    pen = ImageDraw.Draw(sheet)
    for k, text in enumerate(across):
        place = left + k * (width + GAP) + width / 2, top / 2
        pen.multiline_text(place, text, fill="black", font=font(), anchor="mm", align="center")
    for k, text in enumerate(down):
        pen.text((left / 2, top + k * tall + height / 2), text, fill="black", font=font(), anchor="mm")
    for k, image in enumerate(images):
        row, column = divmod(k, len(across))
        at = left + column * (width + GAP) + (width - image.shape[1]) // 2, top + row * tall
        sheet.paste(Image.fromarray(flatten(image)), at)
        for line, text in enumerate(beneath[k] if beneath else ()):
            place = left + column * (width + GAP) + width / 2, at[1] + height + LINE * (line + 0.5)
            pen.text(place, text, fill="black", font=font(), anchor="mm")
    for k, text in enumerate(lines):
        pen.text((GAP, end + LINE * (k + 0.5)), text, fill="black", font=font(), anchor="lm")
    return np.asarray(sheet)


def titled_sheet(
    rows: Sequence[Sequence[tuple[str, np.ndarray]]], height: int, caption: Sequence[str] = ()
) -> np.ndarray:
    """Rows of titled images, every row as wide as the widest, its images equally high and each in its own aspect.

    Args:
        rows: (title, image (h, w, 3 | 4) uint8).
        height: of the images in the widest row, pixels; images are resized to fit.
        caption: words below all, in as many lines as the width asks for.

    Returns:
        (H, W, 3) uint8.
    """
    shares = [sum(image.shape[1] / image.shape[0] for _, image in row) for row in rows]
    wide = max(height * share + GAP * (len(row) - 1) for share, row in zip(shares, rows, strict=True))
    heights = [round((wide - GAP * (len(row) - 1)) / share) for share, row in zip(shares, rows, strict=True)]
    width = round(wide)
    lines = joined(caption, width)
    sheet = Image.new(
        "RGB", (width + 2 * GAP, sum(heights) + (LINE + GAP) * len(rows) + GAP + LINE * len(lines)), "white"
    )
    pen, top = ImageDraw.Draw(sheet), GAP // 2
    for row, tall in zip(rows, heights, strict=True):
        left, right = float(GAP), GAP
        for title, image in row:
            left, right = left + tall * image.shape[1] / image.shape[0], left
            box = (round(left) - round(right), tall)
            shown = Image.fromarray(flatten(image)).resize(box, Image.Resampling.LANCZOS)
            sheet.paste(shown, (round(right), top + LINE + GAP // 2))
            pen.text((round(right) + box[0] / 2, top + LINE / 2), title, fill="black", font=font(), anchor="mm")
            left += GAP
        top += LINE + GAP + tall
    for text in lines:
        pen.text((sheet.width / 2, top + LINE / 2), text, fill="black", font=font(), anchor="mm")
        top += LINE
    return np.asarray(sheet)


def _words(text: str) -> list[str]:
    """What a line may be broken between: a no-break space keeps two words together."""
    return re.split(r"[ \t\n]+", text.strip())


def wrapped(text: str, width: int) -> list[str]:
    """Words in lines of at most `width` pixels, full ones first; a word that is longer by itself goes on in the next line."""
    lines = [""]
    for word in _words(text):
        while word:
            longer = f"{lines[-1]} {word}".lstrip()
            if _width(longer) <= width:
                lines[-1], word = longer, ""
            elif lines[-1]:
                lines.append("")
            else:
                fits = max(1, bisect.bisect(range(1, len(word) + 1), width, key=lambda k: _width(word[:k])))
                lines[-1], word = word[:fits], word[fits:]
    return lines


def joined(entries: Sequence[str], width: int) -> list[str]:
    """Entries joined into as few lines of at most `width` pixels as they need, about equally long."""
    between = " \u00b7 "
    if not entries:
        return []
    total = _width(between.join(entries))
    even = total / -(-total // max(1, width))
    lines: list[str] = []
    for entry in entries:
        longer = between.join([*lines[-1:], entry])
        if lines and _width(longer) <= width and _width(lines[-1]) + _width(entry) / 2 <= even:
            lines[-1] = longer
        else:
            lines.append(entry)
    return lines
