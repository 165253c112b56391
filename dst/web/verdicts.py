"""What is said of the matches, in the page's words: nobody there types a command, and what helps is a button."""

from __future__ import annotations

import re

HELP = "In Points, add some by hand; or take a painting of a like subject in a like pose."
MEND = "In Points, wrong ones can be moved or deleted, and better ones added."
UNBENT = "so the shapes stay as they are"
AGREE = 1.0
"""Percent of the long side that the median match may lie from a smooth warp to agree well."""


def plainly(verdict: str) -> str:
    """A verdict of `dst.deform.matching` in sentences for people; one of a form that is not known as it is, without advice."""
    for pattern, words in UNUSABLE:
        found = re.search(pattern, verdict)
        if found:
            return words.format(*found.groups())
    softened = re.search(r"softened to (\d+)%", verdict)
    soft = f" Few of them are sure, so the shapes follow by {softened[1]}% only. {MEND}" if softened else ""
    found = re.match(r"(\d+) points given", verdict)
    if found:
        stays = " Warp strength is 0, so the shapes stay as they are." if "warp_strength is 0" in verdict else ""
        return f"It follows the {found[1]} points.{stays}{soft}"
    found = re.match(r"(\d+) matches; the median one lies ([\d.]+)%", verdict)
    if not found:
        return f"{verdict.split(': plain style')[0].split('; give points')[0].capitalize()}."
    faces = re.search(r"(\d+) of them are landmarks", verdict)
    of_face = f", {faces[1]} of them in the face" if faces else ""
    agree = "and agree well" if float(found[2]) <= AGREE else "and agree roughly"
    stays = " Warp strength is 0, so the shapes stay as they are." if "warp_strength is 0" in verdict else ""
    return f"{found[1]} places of the two pictures go together{of_face}, {agree}.{stays}{soft}"


UNUSABLE = (
    (r"no warp was asked for", "Painted without bending the shapes."),
    (r"^(\d+) points given, fewer than the (\d+)", "{0} points are too few to bend the shapes: give {1} or more."),
    (
        r"^(\d+) (?:matches, at least \d+ are needed|reliable matches, fewer than)",
        f"Only {{0}} places of the two pictures go together, {UNBENT}. {HELP}",
    ),
    (r"points lie on a line or in one spot", f"All that goes together lies in one spot, {UNBENT}. {HELP}"),
    (r"of the matches cross another", f"Too much of what seems to go together contradicts the rest, {UNBENT}. {HELP}"),
    (r"no smooth warp fits", f"What seems to go together pulls in different ways, {UNBENT}. {HELP}"),
    (r"too little in common", f"The two pictures have too little in common, {UNBENT}. {HELP}"),
    (
        r"an image of (\d+) x (\d+) is",
        f"A picture of {{0}} × {{1}} is too narrow to be compared, {UNBENT}. Crop it, or add points by hand.",
    ),
)
"""Patterns of verdicts on matches that bend nothing, and the page's words."""
