// How a painter paints: stroke by stroke, or by a network that has learnt this painter, where there is one; and that network's card.

import { h } from "./dom.js";

const NETWORK = "network";
const WHY = {
  several: "One painter at a time has a trained network: mixtures are painted stroke by stroke.",
  own: "The drawn samples have a trained network; any other painting is painted stroke by stroke.",
};

/** Whether options have a trained network paint. */
export const byNetwork = (options) => options?.method === NETWORK;

/** The painter that is chosen alone, where a network has learnt it, or null. */
export function learnt(config, styles) {
  const painter = styles.length === 1 && config.painters.find((one) => one.id === styles[0].sample);
  return painter?.network ? painter : null;
}

/** Options with those brought to it that a trained network takes less of. */
function within(config, options) {
  const found = { ...options, method: NETWORK };
  for (const [name, limit] of Object.entries(config.network.limits)) {
    if (!Array.isArray(limit)) found[name] = Math.min(found[name], limit);
    else if (!limit.includes(found[name])) found[name] = limit[0];
  }
  return found;
}

function card({ network, data, steps, licence }) {
  const rows = { Network: `${network[0].toUpperCase()}${network.slice(1)}`, Trained: `${steps} steps on ${data}`, Licence: licence };
  return Object.entries(rows).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
}

/** The two buttons with what there is to say of them, and the card; they set `method` of the store's options. */
export function ways({ config, store }) {
  const usual = config.options.find((option) => option.name === "method").default;
  let strokes = usual; // the method that was chosen last
  const choose = (network) => {
    const { options } = store.get();
    if (network !== byNetwork(options)) store.set({ options: network ? within(config, options) : { ...options, method: strokes } });
  };
  const hand = h("button", { type: "button", class: "quiet", onclick: () => choose(false) }, "Stroke by stroke");
  const net = h("button", { type: "button", class: "quiet", "data-way": NETWORK, onclick: () => choose(true) }, "Trained network");
  const help = h("p", { class: "help" });
  const list = h("dl", { class: "card" });
  const about = h("details", { class: "about" }, h("summary", {}, "About this network"), list);
  const root = h("div", { class: "ways-of" }, h("div", { class: "two-ways", role: "group", "aria-label": "How it is painted" }, hand, net), help, about, h("p", { class: "error", role: "alert", "data-error": "model" }));

  store.on(["styles", "options"], ({ styles, options }) => {
    const painter = learnt(config, styles);
    const at = byNetwork(options);
    if (!at) strokes = options.method;
    root.hidden = !styles.length;
    if (at && !painter && styles.length) return choose(false);
    net.disabled = !painter;
    hand.setAttribute("aria-pressed", String(!at));
    net.setAttribute("aria-pressed", String(at));
    help.textContent = !painter ? WHY[styles.length > 1 ? "several" : "own"] : at ? "Painted in one pass, within seconds. Handles that it has no use for are put away." : "";
    about.hidden = !painter;
    if (painter) list.replaceChildren(...card(painter.network));
  });
  return { root };
}
