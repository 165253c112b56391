// The picture in the middle: photograph, first version, previews, result; and before and after with a slider between.

import { attribute, h } from "./dom.js";

const AGAIN = 2000;

/**
 * Puts a picture into an element once it is decoded, so that nothing flashes; the last one asked for wins. Where it cannot be
 * had, as while the connection is lost, what is seen stays, and it is asked for again. shown(image) is called with it.
 */
export function swap(img, url, shown = () => {}) {
  if (img.dataset.wanted === url) return;
  img.dataset.wanted = url;
  const bring = async (left) => {
    const next = new Image();
    next.src = url;
    try {
      await next.decode();
    } catch {
      if (left && img.dataset.wanted === url) setTimeout(bring, AGAIN, left - 1);
      return;
    }
    if (img.dataset.wanted !== url) return;
    img.src = url;
    shown(next);
  };
  bring(30);
}

/** Gives an element the proportions of a picture. */
export function proportion(node, image) {
  node.style.setProperty("--ratio", (image.width / image.height).toFixed(4));
}

/** Gives pictures in a row one height, and says whether they better stand one above the other where there is little room. */
export function inRow(node, images) {
  node.style.setProperty("--columns", images.map((image) => `minmax(0, ${(image.width / image.height).toFixed(3)}fr)`).join(" "));
  node.classList.toggle("wide", images.every((image) => image.width > 1.1 * image.height));
}

/** Which picture is to be seen: {url, kind, text}, kind being photo, instant, preview or result. */
export function pictureOf({ content, instant, job, cell }) {
  if (!content) return null;
  if (cell) return { url: cell.image, kind: "cell" };
  if (job?.result?.image) return { url: job.result.image, kind: "result" };
  if (job?.preview) return { url: job.preview, kind: "preview" };
  if (instant?.url) return { url: instant.url, kind: "instant" };
  return { url: content.url, kind: "photo" };
}

/**
 * The frame with the picture; `current(state)` gives the job that belongs to what is chosen, or null; `aligned(state)` whether
 * results lie on the photograph, and can be compared with it: else the frame takes the proportions of what it shows.
 */
export function stage({ store, current, aligned = () => true }) {
  const before = h("img", { class: "before", alt: "The photograph" });
  const after = h("img", { class: "after", alt: "" });
  const slider = h("input", {
    type: "range",
    class: "wipe",
    min: 0,
    max: 100,
    step: 1,
    value: 50,
    "aria-label": "Before and after: how much of the photograph is seen",
    oninput: () => frame.style.setProperty("--wipe", `${slider.value}%`),
  });
  const line = h("span", { class: "wipe-line", "aria-hidden": "true" });
  const labels = [h("span", { class: "tag tag-before" }, "Before"), h("span", { class: "tag tag-after" }, "After")];
  const frame = h("div", { class: "frame" }, before, after, line, slider, ...labels);
  frame.style.setProperty("--wipe", "50%");

  store.on(["content", "styles", "instant", "job", "view", "cell", "task"], (state) => {
    const { content, view } = state;
    const fixed = aligned(state);
    frame.hidden = !content || !["picture", "compare"].includes(view);
    if (!content) return;
    if (fixed) proportion(frame, content);
    const picture = pictureOf({ ...state, job: current(state) });
    const comparing = fixed && view === "compare" && picture.kind !== "photo";
    frame.classList.toggle("comparing", comparing);
    attribute(slider, "hidden", !comparing);
    if (comparing) swap(before, content.url);
    swap(after, picture.url, (image) => fixed || proportion(frame, { width: image.naturalWidth, height: image.naturalHeight }));
    after.dataset.kind = picture.kind;
    const what = { photo: "The photograph", instant: "The first version", preview: "The picture so far", cell: "A variant" }[picture.kind];
    after.alt = `${what || "The result"}: ${content.name}`;
  });
  return frame;
}
