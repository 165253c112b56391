// A drawing that is zoomed and panned: by wheel with Ctrl or a pinch, by two fingers, by dragging, by + - 0 and arrows.

const MOST = 16;

/**
 * Makes an SVG element zoomable. Its user units are pixels of the picture, pixel centres at whole numbers.
 *
 * claim(event): true where a pointer belongs to something else; changed(): after each change of what is seen.
 * Gives {size(width, height), scale(), at(event), by(factor, place), fit()}; scale() is picture pixels per screen pixel.
 */
export function zoomable(node, { claim = () => false, changed = () => {} }) {
  let whole = { width: 1, height: 1 };
  let box = { x: -0.5, y: -0.5, width: 1 };
  const held = new Map();

  const height = () => (box.width * whole.height) / whole.width;
  const scale = () => box.width / (node.getBoundingClientRect().width || 1);
  const zoomed = () => box.width < whole.width * 0.999;

  function apply() {
    box.width = Math.min(whole.width, Math.max(whole.width / MOST, box.width));
    box.x = Math.min(whole.width - 0.5 - box.width, Math.max(-0.5, box.x));
    box.y = Math.min(whole.height - 0.5 - height(), Math.max(-0.5, box.y));
    node.setAttribute("viewBox", `${box.x} ${box.y} ${box.width} ${height()}`);
    node.classList.toggle("zoomed", zoomed());
    changed();
  }

  /** The place in the picture under a place on the screen. */
  function at({ clientX, clientY }) {
    const rect = node.getBoundingClientRect();
    return { x: box.x + (clientX - rect.left) * scale(), y: box.y + (clientY - rect.top) * scale() };
  }

  /** Zooms, the place staying where it is seen; without one the middle. */
  function zoom(factor, place) {
    const centre = place || { x: box.x + box.width / 2, y: box.y + height() / 2 };
    const width = Math.min(whole.width, Math.max(whole.width / MOST, box.width / factor));
    const share = width / box.width;
    box = { width, x: centre.x - (centre.x - box.x) * share, y: centre.y - (centre.y - box.y) * share };
    apply();
  }

  function pan(dx, dy) {
    box = { ...box, x: box.x + dx, y: box.y + dy };
    apply();
  }

  function spread() {
    const [a, b] = [...held.values()];
    const middle = { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
    return { middle, distance: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) };
  }

  node.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0025)), at(event));
  }, { passive: false });

  node.addEventListener("pointerdown", (event) => {
    if (claim(event, held.size)) return;
    if (held.size < 2) held.set(event.pointerId, event);
    if (held.size === 2 || zoomed()) {
      node.setPointerCapture(event.pointerId);
      if (event.pointerType === "mouse") event.preventDefault();
    }
  });
  node.addEventListener("pointermove", (event) => {
    const last = held.get(event.pointerId);
    if (!last) return;
    const before = held.size === 2 ? spread() : null;
    held.set(event.pointerId, event);
    if (before) {
      const now = spread();
      zoom(now.distance / (before.distance || 1), at(before.middle));
      pan((before.middle.clientX - now.middle.clientX) * scale(), (before.middle.clientY - now.middle.clientY) * scale());
    } else if (zoomed()) pan((last.clientX - event.clientX) * scale(), (last.clientY - event.clientY) * scale());
  });
  for (const name of ["pointerup", "pointercancel"]) node.addEventListener(name, (event) => held.delete(event.pointerId));

  node.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (event.key === "0") zoom(1 / MOST);
    else if (way && event.target === node && zoomed()) pan((way[0] * box.width) / 10, (way[1] * box.width) / 10);
    else return;
    event.preventDefault();
  });
  new ResizeObserver(() => changed()).observe(node);

  return {
    size(width, height) {
      whole = { width, height };
      box = { x: -0.5, y: -0.5, width };
      apply();
    },
    scale,
    at,
    by: zoom,
    fit: () => zoom(1 / MOST),
  };
}
