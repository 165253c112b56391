// The list of points, and what was done to it: each change is a new list, so that undoing is going back.

/** Below this a match is of low confidence, and is drawn so. */
export const LOW = 0.3;
export const FEWEST = 3;

const MOST_STEPS = 200;

/** A match as the page keeps it; what a hand set has `confidence` 1 and no `source`, such as an eye. */
export const match = ([cx, cy, sx, sy, confidence = 1, source = ""]) => ({ cx, cy, sx, sy, confidence: confidence ?? 1, source: source || "" });
export const row = ({ cx, cy, sx, sy, confidence, source }) => [cx, cy, sx, sy, confidence, source];

const inside = (value, side) => Math.min(side - 1, Math.max(0, value));
const rounded = (value) => Math.round(value * 1000) / 1000;

/**
 * Where the other end of a new point belongs: by the shifts of the points around it, in shares of the pictures, the nearer
 * the more; the same place where there are none.
 */
export function partner(list, end, place, sizes) {
  const [from, to] = end === "content" ? ["c", "s"] : ["s", "c"];
  const [here, there] = end === "content" ? [sizes.content, sizes.style] : [sizes.style, sizes.content];
  const at = { x: place.x / here.width, y: place.y / here.height };
  let total = 0;
  let shift = { x: 0, y: 0 };
  for (const point of list) {
    const x = point[`${from}x`] / here.width;
    const y = point[`${from}y`] / here.height;
    const weight = 1 / ((x - at.x) ** 2 + (y - at.y) ** 2 + 1e-4) ** 2;
    total += weight;
    shift.x += weight * (point[`${to}x`] / there.width - x);
    shift.y += weight * (point[`${to}y`] / there.height - y);
  }
  if (total) shift = { x: shift.x / total, y: shift.y / total };
  return { x: inside((at.x + shift.x) * there.width, there.width), y: inside((at.y + shift.y) * there.height, there.height) };
}

/** The model: list(), edited(), and every change; `changed` is called after each. */
export function pointModel(changed) {
  let found = null;
  let list = [];
  let past = [];
  let future = [];
  let sizes = { content: { width: 1, height: 1 }, style: { width: 1, height: 1 } };
  let open = false; // a drag makes one step of many moves

  function step(next, quiet = false) {
    if (!open) {
      past = [...past.slice(-MOST_STEPS), list];
      future = [];
    }
    list = next;
    changed(quiet);
  }

  return {
    list: () => list,
    found: () => found,
    edited: () => (found ? list !== found : list.length > 0),
    canUndo: () => past.length > 0,
    canRedo: () => future.length > 0,
    dragging: () => open,

    /** Other pictures: no points, nothing to undo. */
    start(content, style) {
      sizes = { content, style };
      found = null;
      list = past = future = [];
      changed();
    },
    /** What the matching found; points that a hand has set meanwhile stay. */
    take(rows) {
      const untouched = list === found || !list.length;
      found = rows.map(match);
      if (untouched) {
        list = found;
        past = future = [];
      }
      changed();
    },
    /** A list from elsewhere, such as a file: a step that can be undone. */
    replace(rows) {
      step(rows.map(match));
    },
    begin() {
      past = [...past.slice(-MOST_STEPS), list];
      future = [];
      open = true;
    },
    end() {
      open = false;
      if (past.at(-1) === list) past = past.slice(0, -1);
      changed();
    },
    move(index, end, x, y) {
      const [across, down] = end === "content" ? ["cx", "cy"] : ["sx", "sy"];
      const size = sizes[end];
      const moved = { ...list[index], confidence: 1, source: "" };
      moved[across] = rounded(inside(x, size.width));
      moved[down] = rounded(inside(y, size.height));
      step(list.map((point, k) => (k === index ? moved : point)));
    },
    /** Adds a point at a place of one picture; gives its index. */
    add(end, place) {
      const size = sizes[end];
      const here = { x: inside(place.x, size.width), y: inside(place.y, size.height) };
      const there = partner(list, end, here, sizes);
      const [c, s] = end === "content" ? [here, there] : [there, here];
      step([...list, match([rounded(c.x), rounded(c.y), rounded(s.x), rounded(s.y), 1])]);
      return list.length - 1;
    },
    remove(index) {
      step(list.filter((_, k) => k !== index));
    },
    reset() {
      if (found && list !== found) step(found);
    },
    undo() {
      if (!past.length) return;
      future = [...future, list];
      list = past.at(-1);
      past = past.slice(0, -1);
      changed();
    },
    redo() {
      if (!future.length) return;
      past = [...past, list];
      list = future.at(-1);
      future = future.slice(0, -1);
      changed();
    },
  };
}
