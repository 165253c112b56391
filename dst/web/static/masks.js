// Brushes: what keeps its shape (protect), and what goes with what (regions).

import { brushPane } from "./brushpane.js";
import { attribute, h } from "./dom.js";
import { inRow } from "./stage.js";
import { byNetwork } from "./ways.js";

const PROTECT = "#ffffff";
const REGIONS = [
  ["#e0593b", "Red"],
  ["#2f7fd1", "Blue"],
  ["#3d9a50", "Green"],
  ["#d9a514", "Yellow"],
];
const WORDS = {
  protect: "Brush over what must keep its shape: it moves as a whole, and is not bent.",
  regions: "Brush sky in both pictures in one colour, faces in another: each is painted like its own kind.",
};

const IDLE = {
  several: "Regions are for one painter: they are left out while several are mixed.",
  network: "Regions are for painting stroke by stroke: a trained network paints all in one manner, and leaves them out.",
};

/** The view; it sets `protect` and `regions` of the store. Gives {root, shown()}. */
export function maskView({ store }) {
  let mode = "protect";
  let colour = REGIONS[0][0];
  let erase = false;
  let half = ""; // of two pictures, the one that has no regions yet
  let last = []; // panes in the order of their strokes

  const size = h("input", { type: "range", min: 0.01, max: 0.2, step: 0.005, value: 0.06, "aria-label": "Size of the brush" });
  const make = (name, group) => {
    const pane = brushPane({
      name,
      tool: () => ({ colour: group === "protect" ? PROTECT : colour, size: size.valueAsNumber, erase }),
      changed: () => {
        if (pane.count() > last.filter((one) => one === pane).length) last.push(pane);
        save();
      },
    });
    return pane;
  };
  const protect = make("Photograph", "protect");
  const content = make("Photograph", "regions");
  const style = make("Painting", "regions");

  function save() {
    const [inContent, inStyle] = [content.mask(), style.mask()];
    store.set({ protect: protect.mask(), regions: inContent && inStyle ? { content: inContent, style: inStyle } : null });
    half = Boolean(inContent) === Boolean(inStyle) ? "" : inContent ? "painting" : "photograph";
    say();
    attribute(undo, "disabled", !used().some((pane) => pane.count()));
    attribute(clear, "disabled", !used().some((pane) => pane.count()));
  }

  function say() {
    const { styles, options } = store.get();
    const idle = styles.length > 1 ? IDLE.several : byNetwork(options) ? IDLE.network : "";
    note.textContent = mode !== "regions" ? WORDS[mode] : idle || (half ? `Now brush the same colours on the ${half}.` : WORDS[mode]);
  }

  const used = () => (mode === "protect" ? [protect] : [content, style]);
  const modes = Object.entries({ protect: "Protect", regions: "Regions" }).map(([name, text]) =>
    h("button", { type: "button", class: "quiet", "data-mode": name, onclick: () => show(name) }, text),
  );
  const swatches = REGIONS.map(([value, name]) => {
    const node = h("button", { type: "button", class: "swatch", "aria-label": `${name} region`, "data-colour": value, onclick: () => pick(value) });
    node.style.background = value;
    return node;
  });
  const eraser = h("button", { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => wipe(!erase) }, "Erase");
  const undo = h(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: () => {
        const k = last.findLastIndex((pane) => used().includes(pane));
        if (k >= 0) last.splice(k, 1)[0].undo();
      },
    },
    "Undo",
  );
  const clear = h(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: () => {
        last = last.filter((pane) => !used().includes(pane));
        used().forEach((pane) => pane.clear());
      },
    },
    "Clear",
  );
  const note = h("p", { class: "point-words" });
  const figure = (pane, text) => h("figure", {}, pane.node, h("figcaption", {}, text));
  const figures = { protect: [figure(protect, "Photograph")], regions: [figure(content, "Photograph"), figure(style, "Painting")] };
  const swatchRow = h("div", { class: "acts", role: "group", "aria-label": "Regions" }, ...swatches);
  const pictureRow = h("div", { class: "panes two" }, ...figures.protect, ...figures.regions);
  const root = h(
    "div",
    { class: "points brush" },
    pictureRow,
    h(
      "div",
      { class: "toolbar" },
      h("div", { class: "acts", role: "group", "aria-label": "What to brush" }, ...modes),
      swatchRow,
      h("label", { class: "bend" }, "Brush", size),
      h("div", { class: "acts", role: "group", "aria-label": "Strokes" }, eraser, undo, clear),
    ),
    note,
    h("p", { class: "error", role: "alert", "data-error": "protect" }),
    h("p", { class: "error", role: "alert", "data-error": "regions" }),
  );

  function wipe(is) {
    erase = is;
    eraser.setAttribute("aria-pressed", String(is));
  }

  function pick(value) {
    colour = value;
    wipe(false);
    for (const node of swatches) node.setAttribute("aria-pressed", String(node.dataset.colour === value));
  }

  function show(name) {
    mode = name;
    for (const node of modes) node.setAttribute("aria-pressed", String(node.dataset.mode === name));
    for (const [other, nodes] of Object.entries(figures)) nodes.forEach((node) => (node.hidden = other !== name));
    swatchRow.hidden = name !== "regions";
    wipe(false);
    save();
  }

  let pictures = ["", ""];
  function shown() {
    const { content: photograph, styles } = store.get();
    if (!photograph) return;
    if (pictures[0] !== photograph.id) {
      protect.show(photograph);
      content.show(photograph);
    }
    if (styles.length) inRow(pictureRow, [photograph, styles[0]]);
    if (styles.length && pictures[1] !== styles[0].id) style.show(styles[0]);
    const now = [photograph.id, styles[0]?.id || ""];
    if (now.join() !== pictures.join()) {
      pictures = now;
      last = last.filter((pane) => pane.count());
      save();
    }
  }

  /** Brings back the masks of an earlier result: {protect, content, style}, addresses of pictures; none where it had none. */
  async function restore(masks = {}) {
    shown();
    for (const [pane, url] of [[protect, masks.protect], [content, masks.content], [style, masks.style]]) {
      if (url) await pane.load(url).catch(() => pane.clear()); // deleted meanwhile
      else if (pane.count()) pane.clear();
    }
    last = [protect, content, style].filter((pane) => pane.count());
    if (!masks.protect && masks.content) show("regions");
    else save();
  }

  store.on(["content", "styles"], shown);
  store.on(["options"], say);
  pick(REGIONS[0][0]);
  show("protect");
  return { root, shown, restore };
}
