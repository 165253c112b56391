// What this session made: variants to pick from, and every result with its settings to go back to.

import * as api from "./api.js";
import { attribute, h } from "./dom.js";
import { described, shown } from "./options.js";
import { proportion } from "./stage.js";
import { running } from "./work.js";

/** Has the store hold the session's jobs as the server knows them. */
export async function refresh({ store, fail }) {
  try {
    store.set({ past: await api.jobs() });
  } catch (error) {
    if (error.status) fail(error);
  }
}

/** What a variant is called. */
export function labelOf(config, cell) {
  const words = Object.entries(cell.options || {}).map(([name, value]) => {
    const option = config.options.find((one) => one.name === name);
    return option ? `${option.label} ${shown(option, value)}`.toLowerCase() : null;
  });
  return cell.label || words.filter(Boolean).join(", ");
}

/** The row of variants; pick(cell) is called with the one that is chosen. */
export function variantsRow({ config, store, current, pick }) {
  const row = h("div", { class: "variants", role: "group", "aria-label": "Variants" });
  const root = h(
    "section",
    { class: "shelf-part", hidden: true, "aria-label": "Variants" },
    h("div", { class: "part-head" }, h("h2", {}, "Variants"), h("p", { class: "hint" }, "Small and quick. Pick one, then Generate paints it large.")),
    row,
  );
  let drawn = "";
  store.on(["job", "cell", "content", "styles", "variants"], (state) => {
    const job = current({ ...state, job: state.variants });
    const cells = job?.result?.cells || job?.cells || [];
    root.hidden = !cells.length;
    const key = cells.map((cell) => cell.image).join();
    if (key !== drawn) {
      drawn = key;
      row.replaceChildren(
        ...cells.map((cell) =>
          h(
            "button",
            { type: "button", class: "variant", disabled: !cell.image, onclick: () => pick(cell) },
            cell.image ? h("img", { src: cell.image, alt: "" }) : blank(state.content),
            h("span", {}, labelOf(config, cell)),
          ),
        ),
      );
    }
    [...row.children].forEach((node, k) => attribute(node, "aria-pressed", String(Boolean(cells[k].image) && state.cell?.image === cells[k].image)));
  });
  return root;
}

/** The place of a variant that is not painted yet. */
function blank(image) {
  const node = h("i", { "aria-hidden": "true" });
  proportion(node, image);
  return node;
}

const clock = (job) => {
  const time = new Date(typeof job.created === "number" ? job.created * 1000 : job.created);
  return Number.isNaN(time.getTime()) ? "" : time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
};

/** The session's results of a kind, newest first; goBack(job) brings one with its pictures and settings. */
export function historyRow({ config, store, current, goBack, kind = "stylize", called = null }) {
  const row = h("div", { class: "past", role: "group", "aria-label": "Earlier results" });
  const root = h("section", { class: "shelf-part", hidden: true, "aria-label": "Earlier results" }, h("h2", {}, "Made in this session"), row);
  store.on(["past", "job", "content", "styles"], (state) => {
    const { past } = state;
    const shownNow = current(state)?.id;
    const kept = past.filter((one) => !running(one) && one.result?.image && one.content && one.kind === kind);
    root.hidden = !kept.length;
    row.replaceChildren(
      ...kept.map((one) => {
        const style = called?.(one) || (one.styles || []).map((image) => image.name).join(" + ");
        const words = [described(config, one.options), clock(one)].filter(Boolean).join(" · ");
        return h(
          "button",
          { type: "button", class: "earlier", "aria-pressed": String(shownNow === one.id), title: words, onclick: () => goBack(one) },
          h("img", { src: one.thumb || one.result.image, alt: "", loading: "lazy" }),
          h("span", { class: "earlier-name" }, style || "Result"),
          h("span", { class: "hint" }, words),
        );
      }),
    );
  });
  return root;
}
