"""Commands beside a run: match, warp, film, morph, score, grid, batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli_progress import STOPPED, Interrupt, Overall, Progress, say
from cli_run import FILMS, check_picture
from dst.config import InputError
from dst.files import check_output


def match(args: Any) -> int:
    """`dst match`."""
    if not (args.output or args.save_points or args.json):
        raise InputError(
            "nothing would be kept: say where to write with -o matches.png, --save-points points.csv or --json"
        )
    if args.output:
        check_picture(args.output, args.content, args.style)
    if args.save_points:
        check_output(args.save_points, (".csv", ".json"))

    import dst

    progress = Progress(args.quiet)
    progress.on_stage("read", "start")
    content, style = dst.read_image(args.content), dst.read_image(args.style)
    progress.on_stage("read", "end")
    progress.on_stage("match", "start")
    matches, verdict = dst.match(content, style, **args.options)
    progress.on_stage("match", "end")
    if args.output:
        dst.write_image(args.output, _drawn(content, style, matches))
    if args.save_points:
        json_asked = Path(args.save_points).suffix.lower() == ".json"
        (matches.to_json if json_asked else matches.to_csv)(args.save_points)
    if args.json:
        print(json.dumps(_match_record(matches, verdict), indent=1))
    say(_match_sentence(matches, verdict))
    return 0


def _match_sentence(matches: Any, verdict: str) -> str:
    """How many matches there are, whether they can be relied on, and how sure the pair as a whole is."""
    count = str(len(matches))
    line = verdict if verdict.startswith(count) else f"{verdict}; {count} after --drop and --pin"
    if matches.confidence is None or f"{matches.confidence:.0%} sure" in line:
        return line
    return f"{line}; {matches.confidence:.0%} sure of the pair as a whole"


def _match_record(matches: Any, verdict: str) -> dict[str, Any]:
    return {
        "count": len(matches),
        "verdict": verdict,
        "confidence": matches.confidence,
        "content_size": matches.content_size,
        "style_size": matches.style_size,
        "content": matches.content.tolist(),
        "style": matches.style.tolist(),
        "scores": matches.scores.tolist(),
    }


def _drawn(content: Any, style: Any, matches: Any, side: int = 768) -> Any:
    """Both pictures with their matches, each picture's long side at `side` pixels at most."""
    from dst import imaging, matching

    return matching.draw(
        matches, *(imaging.resize(image.rgb, min(side, max(image.size))) for image in (content, style))
    )


def warp(args: Any) -> int:
    """`dst warp`."""
    check_picture(args.output, args.image)

    from dst import imaging
    from dst.pipeline import warp_image
    from dst.result import read_record

    if args.run and read_record(args.run).get("warp", {}).get("points") == 0:
        say("note: that run bent nothing, so the picture stays as it is")
    bent, factor = warp_image(args.image, run=args.run, points=args.points, strength=args.strength)
    imaging.write(args.output, bent.rgb, bent.alpha, bent.depth)
    if factor < 0.995:
        say(f"the bend was reduced to {factor:.0%} so that nothing folds")
    if not args.quiet:
        say(f"wrote {args.output} ({bent.size[0]} x {bent.size[1]} pixels)")
    return 0


def score(args: Any) -> int:
    """`dst score`."""
    from dst.result import record_text
    from dst.score import score_runs, table

    rows = score_runs(args.runs)
    print(record_text({"runs": rows}) if args.json else table(rows))
    return 0


def film(args: Any) -> int:
    """`dst film`."""
    check_output(args.output, FILMS)

    from dst.film import write_film
    from dst.pipeline import run_frames

    write_film(args.output, run_frames(args.run), args.fps)
    if not args.quiet:
        say(f"wrote {args.output}")
    return 0


def morph(args: Any) -> int:
    """`dst morph`."""
    check_output(args.output, FILMS)

    from dst import film
    from dst.pipeline import load_run

    result = load_run(args.run)
    film.write_film(args.output, film.morph(result, args.frames, args.side), args.fps)
    if not args.quiet:
        say(f"wrote {args.output}")
    return 0


def grid(args: Any) -> int:
    """`dst grid`."""
    check_picture(args.output, args.content, *args.style)
    if args.columns is not None and args.columns[0] == args.rows[0]:
        raise InputError(f"rows and columns are both {args.rows[0]}: choose two options")

    from dst.imaging import write
    from dst.sweeps import grid as make_grid

    style = args.style[0] if len(args.style) == 1 else args.style
    count = len(args.rows[1]) * (1 if args.columns is None else len(args.columns[1]))
    overall = Overall(args.quiet, count, "grid")
    with Interrupt("after this picture") as interrupt:

        def on_cell(index: int, count: int, result: Any) -> bool:
            overall.on_run(f"loss {result.history[-1]['total']:.3g}" if result.history else "done")
            return interrupt.asked

        sheet = make_grid(
            args.content, style, args.rows, args.columns, on_cell=on_cell, side=args.cell, **_job_options(args)
        )
    overall.close()
    write(args.output, sheet)
    if not args.quiet:
        say(f"wrote {args.output} ({sheet.shape[1]} x {sheet.shape[0]} pixels)")
    return STOPPED if interrupt.asked else 0


def batch(args: Any) -> int:
    """`dst batch`."""
    from dst.sweeps import REPORT, read_pairs
    from dst.sweeps import batch as make_all

    overall = Overall(args.quiet, len(read_pairs(args.pairs)), "batch")
    with Interrupt() as interrupt:

        def on_step(step: Any) -> bool:
            overall.on_step(step)
            return interrupt.asked

        def on_pair(index: int, count: int, row: dict[str, Any]) -> bool:
            overall.on_run(f"{row['name']} {row['state']}")
            return interrupt.asked

        report = make_all(
            args.pairs, args.output, resume=args.resume, on_pair=on_pair, on_step=on_step, **_job_options(args)
        )
    overall.close()
    if args.json:
        print(json.dumps({"pairs": report}, indent=1))
    for row in report:
        if row["state"] == "failed":
            say(f"error: {row['name']}: {row['message']}")
    states = [row["state"] for row in report]
    if not args.quiet:
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        say(f"{counts}; wrote {Path(args.output) / REPORT}")
    return STOPPED if interrupt.asked else int(bool({"failed", "stopped"} & set(states)))


def _job_options(args: Any) -> dict[str, Any]:
    """Keywords of `stylize` that the command line holds, without those of the command itself."""
    given = {**args.options, "preset": args.preset}
    if not args.warp:
        given["warp"] = False
    if getattr(args, "points", None) is not None:
        given["points"] = args.points
    return given
