// One picture to brush on. Strokes are kept as strokes, so that each can be undone; the mask is drawn from them without
// soft edges, since a mask's colours are names.

import { h } from "./dom.js";
import { proportion } from "./stage.js";

const SIDE = 1024;
const KEY_STEP = 0.02;

/** A pane; `tool()` gives {colour, size, erase}, size as a share of the long side; `changed` follows each stroke. */
export function brushPane({ name, tool, changed }) {
  const img = h("img", { alt: "" });
  const canvas = h("canvas", { tabindex: 0, role: "application", "aria-label": `${name}: brush with the pointer, or with arrows while holding Space` });
  const ring = h("i", { class: "ring", "aria-hidden": "true" });
  const node = h("div", { class: "pane brush-pane" }, img, canvas, ring);
  let size = { width: 1, height: 1 };
  let strokes = [];
  let stroke = null;
  let cursor = { x: 0.5, y: 0.5 };
  let held = false;

  const ink = canvas.getContext("2d", { willReadFrequently: true });

  function line(context, { points, colour, erase, width }) {
    context.globalCompositeOperation = erase ? "destination-out" : "source-over";
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = width;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(points[0].x, points[0].y);
    for (const { x, y } of points) context.lineTo(x, y);
    context.lineTo(points.at(-1).x + 0.01, points.at(-1).y);
    context.stroke();
  }

  function draw() {
    ink.clearRect(0, 0, canvas.width, canvas.height);
    for (const one of strokes) {
      ink.globalCompositeOperation = "source-over";
      if (one.picture) ink.drawImage(one.picture, 0, 0);
      else line(ink, one);
    }
  }

  /** A mask that was brushed before, as a stroke: what is black in it is clear. */
  async function load(url) {
    const image = new Image();
    image.src = url;
    await image.decode();
    const picture = h("canvas", { width: canvas.width, height: canvas.height });
    const context = picture.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(image, 0, 0, picture.width, picture.height);
    const pixels = context.getImageData(0, 0, picture.width, picture.height);
    const { data } = pixels;
    const colours = new Set();
    for (let k = 0; k < data.length; k += 4) {
      const colour = (data[k] << 16) | (data[k + 1] << 8) | data[k + 2];
      if (colour) colours.add(colour);
      else data[k + 3] = 0;
    }
    context.putImageData(pixels, 0, 0);
    strokes = [{ picture, colours: [...colours].slice(0, 16).map((colour) => `#${colour.toString(16).padStart(6, "0")}`) }];
    draw();
    changed();
  }

  const at = (event) => {
    const rect = canvas.getBoundingClientRect();
    return { x: ((event.clientX - rect.left) / rect.width) * canvas.width, y: ((event.clientY - rect.top) / rect.height) * canvas.height };
  };

  function begin(place) {
    const { colour, size: share, erase } = tool();
    stroke = { points: [place], colour, erase, width: share * Math.max(canvas.width, canvas.height) };
    strokes.push(stroke);
    draw();
  }

  function go(place) {
    if (!stroke) return;
    stroke.points.push(place);
    line(ink, { ...stroke, points: stroke.points.slice(-2) });
  }

  function finish() {
    if (stroke) changed();
    stroke = null;
  }

  function showRing(place) {
    const width = tool().size * Math.max(canvas.clientWidth, canvas.clientHeight);
    ring.style.width = ring.style.height = `${width}px`;
    ring.style.left = `${(place.x / canvas.width) * 100}%`;
    ring.style.top = `${(place.y / canvas.height) * 100}%`;
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    begin(at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    showRing(at(event));
    for (const one of event.getCoalescedEvents?.() || [event]) go(at(one));
  });
  for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, finish);

  canvas.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const place = () => ({ x: cursor.x * canvas.width, y: cursor.y * canvas.height });
    if (event.key === " ") {
      if (!held) begin(place());
      held = true;
    } else if (way) {
      const step = KEY_STEP * (event.shiftKey ? 3 : 1);
      cursor = { x: Math.min(1, Math.max(0, cursor.x + way[0] * step)), y: Math.min(1, Math.max(0, cursor.y + way[1] * step)) };
      if (held) go(place());
      showRing(place());
    } else return;
    event.preventDefault();
  });
  canvas.addEventListener("keyup", (event) => {
    if (event.key !== " ") return;
    held = false;
    finish();
  });
  canvas.addEventListener("blur", () => {
    held = false;
    finish();
  });

  /** The mask as a PNG data URL: flat colours on black; null where nothing is left of the strokes. */
  function mask() {
    if (!strokes.length) return null;
    const { width, height } = canvas;
    const shown = ink.getImageData(0, 0, width, height);
    const colours = [...new Set(strokes.filter((one) => !one.erase).flatMap((one) => one.colours || [one.colour]))].map((colour) => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16)));
    const { data } = shown;
    let any = false;
    for (let k = 0; k < data.length; k += 4) {
      let best = [0, 0, 0];
      if (data[k + 3] >= 128) {
        any = true;
        let closest = Infinity;
        for (const colour of colours) {
          const distance = Math.abs(colour[0] - data[k]) + Math.abs(colour[1] - data[k + 1]) + Math.abs(colour[2] - data[k + 2]);
          if (distance < closest) [closest, best] = [distance, colour];
        }
      }
      [data[k], data[k + 1], data[k + 2], data[k + 3]] = [...best, 255];
    }
    if (!any) return null;
    const flat = h("canvas", { width, height });
    flat.getContext("2d").putImageData(shown, 0, 0);
    return flat.toDataURL("image/png");
  }

  return {
    node,
    mask,
    load,
    count: () => strokes.length,
    undo() {
      strokes.pop();
      draw();
      changed();
    },
    clear() {
      strokes = [];
      draw();
      changed();
    },
    show(image) {
      size = image;
      const share = Math.min(1, SIDE / Math.max(size.width, size.height));
      canvas.width = Math.max(1, Math.round(size.width * share));
      canvas.height = Math.max(1, Math.round(size.height * share));
      img.src = image.url;
      proportion(node, image);
      strokes = [];
      draw();
    },
  };
}
