// Both pictures side by side with their points, the bent photograph beside them, and what can be done with the points.

import * as api from "./api.js";
import { bentView } from "./bent.js";
import { attribute, h, handOver } from "./dom.js";
import { pointPane } from "./pointpane.js";
import { LOW, row } from "./points.js";
import { inRow } from "./stage.js";

/** The view; find() begins the matching. Gives {root, shown()}, the latter for when the view comes up. */
export function pointView({ store, model, find, fail, clear, announce, subscribe }) {
  let selected = -1;
  let adding = false;

  const acts = {
    select(index) {
      if (index === selected) return;
      selected = index;
      panes.forEach((pane) => pane.mark(index));
      tell();
    },
    adding: () => adding,
    add(end, place) {
      const index = model.add(end, place);
      add(false);
      acts.select(index);
      announce(`Point ${index + 1} added. Drag either end to where it belongs.`);
    },
    remove(index) {
      model.remove(index);
      selected = -1;
      acts.select(Math.min(index, model.list().length - 1));
      announce(`Point ${index + 1} deleted.`);
    },
    leave: () => buttons.add.focus(),
  };
  const content = pointPane({ model, end: "content", name: "Photograph", acts });
  const style = pointPane({ model, end: "style", name: "Painting", acts });
  const panes = [content, style];
  const bent = bentView({ store, model, fail, clear });

  function add(is) {
    adding = is;
    buttons.add.setAttribute("aria-pressed", String(is));
    root.classList.toggle("adding", is);
    if (is) announce("Click either picture where the new point belongs.");
  }

  const button = (text, act, more = {}) => h("button", { type: "button", class: "quiet", onclick: act, ...more }, text);
  const zoom = (factor) => panes.forEach((pane) => (factor ? pane.view.by(factor, pane.chosen()) : pane.view.fit()));
  const load = h("input", { type: "file", accept: ".csv,text/csv", class: "unseen", "aria-label": "Load points.csv", onchange: () => read() });
  const buttons = {
    add: button("Add", () => add(!adding), { "aria-pressed": "false", title: "Then click a picture; or double-click it" }),
    remove: button("Delete", () => selected >= 0 && acts.remove(selected), { title: "Delete" }),
    undo: button("Undo", model.undo, { title: "Ctrl Z" }),
    redo: button("Redo", model.redo, { title: "Ctrl Shift Z" }),
    reset: button("Reset to found", model.reset),
    find: button("Find points", find),
    out: button("−", () => zoom(1 / 1.5), { class: "quiet icon", "aria-label": "Zoom out" }),
    in: button("+", () => zoom(1.5), { class: "quiet icon", "aria-label": "Zoom in" }),
    fit: button("Fit", () => zoom(0), { "aria-label": "Fit the pictures" }),
    save: button("Save points.csv", save),
  };
  const group = (label, ...children) => h("div", { class: "acts", role: "group", "aria-label": label }, ...children);
  const word = h("p", { class: "point-words" });
  const strength = h("input", {
    type: "range",
    min: 0,
    max: 2,
    step: 0.05,
    "aria-label": "How far the shapes follow",
    oninput: () => store.set({ options: { ...store.get().options, warp_strength: strength.valueAsNumber } }),
  });
  const bentStrength = h("label", { class: "bend" }, "Bend", strength);
  const figure = (pane, ...caption) => h("figure", {}, pane, h("figcaption", {}, ...caption));
  const figures = [figure(content.node, "Photograph"), figure(style.node, "Painting"), figure(bent.frame, "Bent ", bent.words, bentStrength)];
  const pictureRow = h("div", { class: "panes" }, ...figures);
  const root = h(
    "div",
    { class: "points" },
    pictureRow,
    h(
      "div",
      { class: "toolbar" },
      group("Points", buttons.add, buttons.remove, buttons.undo, buttons.redo, buttons.reset, buttons.find),
      group("Zoom", buttons.out, buttons.fit, buttons.in),
      group("File", buttons.save, h("label", { class: "button quiet" }, load, "Load")),
    ),
    word,
    h("p", { class: "error", role: "alert", "data-error": "points" }),
  );

  root.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "z") (event.shiftKey ? model.redo : model.undo)();
    else if (key === "y") model.redo();
    else return;
    event.preventDefault();
  });

  async function save() {
    const { content: photograph, styles } = store.get();
    try {
      handOver("points.csv", await api.pointsText({ content: photograph.id, style: styles[0].id, points: model.list().map(row) }));
    } catch (error) {
      fail(error);
    }
  }

  async function read() {
    const [file] = load.files;
    load.value = "";
    if (!file) return;
    const { content: photograph, styles } = store.get();
    clear("points");
    try {
      const { points } = await api.readPoints({ content: photograph.id, style: styles[0].id, csv: await file.text() });
      model.replace(points);
      announce(`${points.length} points loaded.`);
    } catch (error) {
      error.field = "points";
      fail(error);
    }
  }

  function tell() {
    const list = model.list();
    const point = list[selected];
    const low = list.filter((one) => one.confidence < LOW).length;
    if (point) {
      const sure = point.confidence < LOW ? `low confidence (${Math.round(point.confidence * 100)}%)` : `${Math.round(point.confidence * 100)}% confidence`;
      word.textContent = `Point ${selected + 1}: ${point.cx.toFixed(1)}, ${point.cy.toFixed(1)} goes with ${point.sx.toFixed(1)}, ${point.sy.toFixed(1)}; ${sure}.`;
    } else if (list.length) {
      const ofLow = low ? ` ${low} of low confidence, drawn lighter.` : "";
      word.textContent = `${list.length} points.${ofLow} Drag either end; double-click adds one; keys: Tab, arrows, Shift for 10 pixels, Delete.`;
    } else word.textContent = "No points yet.";
    attribute(buttons.remove, "disabled", !point);
  }

  let pictures = "";
  function draw() {
    const { content: photograph, styles } = store.get();
    if (!photograph || !styles.length || root.hidden) return;
    const key = `${photograph.id} ${styles[0].id}`;
    if (key !== pictures) {
      pictures = key;
      selected = -1;
      content.show(photograph);
      style.show(styles[0]);
      inRow(pictureRow, [photograph, styles[0], photograph]);
    }
    if (selected >= model.list().length) selected = -1;
    panes.forEach((pane) => pane.mark(selected));
    attribute(buttons.undo, "disabled", !model.canUndo());
    attribute(buttons.redo, "disabled", !model.canRedo());
    attribute(buttons.reset, "disabled", !model.found() || !model.edited());
    buttons.find.hidden = Boolean(model.found());
    attribute(buttons.save, "disabled", !model.list().length);
    tell();
    bent.update();
  }

  subscribe(draw);
  store.on(["options"], ({ options }) => {
    strength.value = options.warp_strength ?? 1;
    if (!root.hidden) bent.update();
  });
  return { root, shown: draw };
}
