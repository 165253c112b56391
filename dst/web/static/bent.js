// The bent photograph: the warp alone, fitted anew whenever a point was moved. The last wish wins.

import * as api from "./api.js";
import { h } from "./dom.js";
import { FEWEST, row } from "./points.js";
import { proportion } from "./stage.js";

const SIDE = 512;

export function bentView({ store, model, fail, clear }) {
  const img = h("img", { alt: "The bent photograph" });
  const words = h("p", { class: "hint" });
  const frame = h("div", { class: "pane bent" }, img);
  let going = 0;
  let asked = 0;
  let seen = 0;
  let wanted = null;
  let done = "";
  let url = null;

  function order() {
    const { content, styles, options } = store.get();
    if (!content || !styles.length) return null;
    return { content: content.id, style: styles[0].id, points: model.list().map(row), strength: options.warp_strength ?? 1, side: SIDE };
  }

  function show(source, text, of = null) {
    if (url) URL.revokeObjectURL(url);
    url = of;
    img.src = source;
    words.textContent = text;
  }

  async function update() {
    const now = order();
    if (!now) return;
    const key = JSON.stringify(now);
    if (key === done) return;
    if (going && (model.dragging() || going > 1)) {
      wanted = key; // while a point is dragged one at a time; what it was dropped at does not wait for what it passed
      return;
    }
    proportion(frame, store.get().content);
    done = key;
    if (now.points.length < FEWEST) {
      show(store.get().content.url, model.list().length ? `${FEWEST} points are needed to bend it.` : "Not bent yet.");
      return;
    }
    going += 1;
    asked += 1;
    const mine = asked;
    try {
      const { blob } = await api.warp(now);
      if (mine < seen) return;
      seen = mine;
      const made = URL.createObjectURL(blob);
      clear("points");
      show(made, "", made);
      frame.dataset.count = Number(frame.dataset.count || 0) + 1;
    } catch (error) {
      error.field = "points";
      if (mine === asked) fail(error);
    } finally {
      going -= 1;
      if (wanted && wanted !== done) {
        wanted = null;
        update();
      }
    }
  }

  return { frame, words, update };
}
