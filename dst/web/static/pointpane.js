// One picture with its numbered points: to drag, to select, to move by keys.

import { attribute, svg } from "./dom.js";
import { LOW } from "./points.js";
import { proportion } from "./stage.js";
import { zoomable } from "./zoom.js";

const REACH = 20; // screen pixels: how near a pointer takes hold of a point
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * A pane. `end` is "content" or "style", `name` what it is called in words; acts: {select(index), adding(), add(end, place),
 * remove(index), leave()}.
 */
export function pointPane({ model, end, name, acts }) {
  const image = svg("image", { x: -0.5, y: -0.5, preserveAspectRatio: "none" });
  const layer = svg("g", {});
  const crown = svg("g", { class: "crown", "aria-hidden": "true", "pointer-events": "none" }); // the chosen point once more, above all others
  const node = svg("svg", { class: "pane", tabindex: 0, role: "group", "aria-label": `${name}, with its points` }, image, layer, crown);
  const [across, down] = end === "content" ? ["cx", "cy"] : ["sx", "sy"];
  let selected = -1;
  let drag = null;

  const place = (index) => {
    const point = model.list()[index];
    return { x: point[across], y: point[down] };
  };

  function nearest(event) {
    const here = view.at(event);
    const reach = REACH * view.scale();
    let best = -1;
    let closest = reach;
    model.list().forEach((_, k) => {
      const { x, y } = place(k);
      const distance = Math.hypot(x - here.x, y - here.y) - (k === selected ? reach / 4 : 0);
      if (distance <= closest) {
        closest = distance;
        best = k;
      }
    });
    return best;
  }

  const view = zoomable(node, {
    changed: () => draw(),
    claim(event, others) {
      if (event.button || others) return false;
      const index = nearest(event);
      if (index < 0) {
        if (!acts.adding()) return false;
        acts.add(end, view.at(event));
        event.preventDefault();
        return true;
      }
      event.preventDefault();
      const here = view.at(event);
      const from = place(index);
      acts.select(index);
      layer.children[index]?.focus({ preventScroll: true });
      drag = { id: event.pointerId, index, dx: from.x - here.x, dy: from.y - here.y };
      model.begin();
      node.setPointerCapture(event.pointerId);
      node.classList.add("dragging");
      return true;
    },
  });

  node.addEventListener("pointermove", (event) => {
    if (!drag || event.pointerId !== drag.id) return;
    const here = view.at(event);
    model.move(drag.index, end, here.x + drag.dx, here.y + drag.dy);
  });
  for (const type of ["pointerup", "pointercancel"]) {
    node.addEventListener(type, (event) => {
      if (!drag || event.pointerId !== drag.id) return;
      drag = null;
      node.classList.remove("dragging");
      model.end();
    });
  }
  node.addEventListener("dblclick", (event) => {
    event.preventDefault();
    if (nearest(event) < 0) acts.add(end, view.at(event));
  });
  // where a point takes the finger, the page does not scroll along
  node.addEventListener("touchstart", (event) => (nearest(event.touches[0]) >= 0 || event.touches.length > 1) && event.preventDefault(), { passive: false });

  node.addEventListener("keydown", (event) => {
    const index = [...layer.children].indexOf(event.target.closest("[data-point]"));
    if (event.key === "Escape") acts.leave();
    else if (index >= 0 && ARROWS[event.key] && !event.altKey) {
      const step = event.shiftKey ? 10 : 1;
      const { x, y } = place(index);
      model.move(index, end, x + ARROWS[event.key][0] * step, y + ARROWS[event.key][1] * step);
    } else if (index >= 0 && (event.key === "Delete" || event.key === "Backspace")) {
      acts.remove(index);
      (layer.children[Math.min(index, layer.children.length - 1)] || node).focus({ preventScroll: true });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  layer.addEventListener("focusin", (event) => acts.select([...layer.children].indexOf(event.target.closest("[data-point]"))));

  function make() {
    return svg("g", { "data-point": "", tabindex: 0, role: "button", "aria-roledescription": "point to drag" }, svg("circle", { class: "halo" }), svg("circle", { class: "dot" }), svg("text", { "text-anchor": "middle", dy: "0.35em" }));
  }

  /** The points that have room for their numbers: the chosen one, then the sure, then the others; the rest are dots. */
  function roomy(list, apart) {
    const order = list.map((_, k) => k).sort((a, b) => (b === selected) - (a === selected) || (list[a].confidence < LOW) - (list[b].confidence < LOW) || a - b);
    const kept = [];
    for (const k of order) {
      const { x, y } = place(k);
      if (kept.every((other) => Math.hypot(place(other).x - x, place(other).y - y) >= apart)) kept.push(k);
    }
    return new Set(kept);
  }

  function draw() {
    const list = model.list();
    while (layer.children.length > list.length) layer.lastChild.remove();
    while (layer.children.length < list.length) layer.append(make());
    const scale = view.scale();
    const small = list.length > 30 || node.clientWidth < 260;
    const full = small ? 8 : 10;
    const numbered = roomy(list, (2 * full + 9) * scale);
    list.forEach((point, k) => {
      const group = layer.children[k];
      const [halo, dot, text] = group.children;
      group.setAttribute("transform", `translate(${point[across]} ${point[down]}) scale(${scale})`);
      const low = point.confidence < LOW;
      const dotted = !numbered.has(k);
      const radius = dotted ? (node.clientWidth < 260 ? 2.5 : 3.5) : full;
      halo.setAttribute("r", radius + (dotted ? 0.5 : 1.5));
      dot.setAttribute("r", radius);
      text.setAttribute("font-size", small ? 9 : 11);
      text.textContent = dotted ? "" : k + 1;
      group.classList.toggle("low", low);
      group.classList.toggle("dotted", dotted);
      group.classList.toggle("chosen", k === selected);
      const sure = low ? "of low confidence, " : "";
      attribute(group, "aria-label", `Point ${k + 1} in the ${name.toLowerCase()}, ${sure}at ${Math.round(point[across])}, ${Math.round(point[down])}`);
    });
    drawCrown();
  }

  function drawCrown() {
    const group = layer.children[selected];
    crown.replaceChildren(...[...(group?.children || [])].map((part) => part.cloneNode(true)));
    if (group) crown.setAttribute("transform", group.getAttribute("transform"));
  }

  return {
    node,
    view,
    draw,
    chosen: () => (selected >= 0 && selected < model.list().length ? place(selected) : null),
    mark(index) {
      selected = index;
      draw();
    },
    show(picture) {
      image.setAttribute("width", picture.width);
      image.setAttribute("height", picture.height);
      image.setAttribute("href", picture.url);
      proportion(node, picture);
      view.size(picture.width, picture.height);
    },
  };
}
