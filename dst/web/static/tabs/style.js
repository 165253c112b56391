// The tab that the page is for: photograph, painter, first version, points, result.

import * as api from "../api.js";
import { h, later } from "../dom.js";
import { historyRow, labelOf, refresh, variantsRow } from "../history.js";
import { maskView } from "../masks.js";
import { changed, defaults, described, handles } from "../options.js";
import { painters } from "../painters.js";
import { chosenButton, droppable, LAST, pasted, picker, pickerDialog, samplesOf } from "../picker.js";
import { pointModel, row } from "../points.js";
import { pointView } from "../pointview.js";
import { pictureOf, stage } from "../stage.js";
import { store as makeStore } from "../store.js";
import { byNetwork, learnt, ways } from "../ways.js";
import { belongs, progress, running, worker } from "../work.js";

const VIEWS = { picture: "Picture", compare: "Compare", points: "Points", brush: "Brush" };
const KEEP = "dst.chosen";
const INSTANT_SIDE = 512;

export async function mount(root, app) {
  const { config } = app;
  root.classList.add("paint");
  const store = makeStore({
    content: null, styles: [], options: defaults(config), view: "picture", instant: null, strength: 1, work: null, job: null,
    variants: null, cell: null, past: [], protect: null, regions: null,
  });
  const subscribers = [];
  const model = pointModel(() => subscribers.forEach((call) => call()));
  const current = (state) => (belongs(state.job, state) ? state.job : null);
  const context = { config, store, model, current, fail: app.fail, clear: app.clear, announce: app.announce };
  const work = worker({ ...context, onState: (job) => took(job) });

  // ---- what is chosen

  function takeContent(image) {
    store.set({ content: image, view: "picture", cell: null });
    app.announce(`${image.name} is taken.${image.note ? ` ${image.note}` : ""}`);
  }

  const words = { drop: "Drop a photograph here, or paste one.", choose: "Choose a photograph", more: "Then choose a painter. A first version is there at once; the real one is painted before your eyes." };
  const given = { ...context, kind: "content", words, samples: samplesOf(config, "style"), take: takeContent };
  const first = picker(given);
  const change = pickerDialog({ ...given, title: "Another photograph" });
  const menu = painters(context);
  menu.root.append(ways(context).root);

  const photographPart = chosenButton({ ...context, title: "Photograph", dialog: change });

  // ---- the first version, at once

  let asking = null;
  async function paintAtOnce() {
    asking?.abort();
    const { content, styles, instant, strength, options } = store.get();
    if (!content || !styles.length) return;
    const model = byNetwork(options) ? learnt(config, styles)?.id : null;
    asking = new AbortController();
    store.set({ instant: { ...instant, waiting: true } });
    try {
      const order = { content: content.id, styles: styles.map((image) => image.id), strength, size: INSTANT_SIDE, model };
      const { blob, seconds } = await api.instant(order, asking.signal);
      if (instant?.url) URL.revokeObjectURL(instant.url);
      store.set({ instant: { url: URL.createObjectURL(blob), seconds, waiting: false } });
    } catch (error) {
      if (error.name === "AbortError") return;
      store.set({ instant: null });
      if (error.status === 404) forget();
      app.fail(error);
    }
  }

  /** Pictures are kept for a while only: those that are gone are to be chosen anew. */
  function forget() {
    menu.forget();
    sessionStorage.removeItem(KEEP);
  }

  const soon = later(60, paintAtOnce);
  const afterSlide = later(150, paintAtOnce);

  let chosen = "";
  store.on(["content", "styles"], ({ content, styles, instant }) => {
    const now = [content?.id, ...styles.map((image) => image.id)].join();
    if (now === chosen) return;
    chosen = now;
    if (instant?.url) URL.revokeObjectURL(instant.url);
    store.set({ instant: null, cell: null });
    sessionStorage.setItem(KEEP, JSON.stringify({ content, styles }));
    if (content) sessionStorage.setItem(LAST, JSON.stringify(content));
    if (content && styles.length) {
      model.start(content, styles[0]);
      soon();
    }
  });

  let network = false;
  store.on(["options"], ({ options }) => {
    if (network === byNetwork(options)) return;
    network = byNetwork(options);
    soon();
  });

  // ---- work

  function took(job) {
    const state = store.get();
    if (job.kind === "match") {
      if (job.state !== "done" || !belongs(job, state)) return;
      model.take(job.result.matches);
      if (!job.result.matches.length) app.fail(new api.ApiError(job.result.verdict, "points"));
      return;
    }
    const failed = ["failed", "cancelled"].includes(job.state);
    if (job.kind === "variants") store.set({ variants: failed && !job.cells?.length ? null : job });
    else store.set({ job: failed ? null : job });
    if (job.result?.matches?.length && job.kind === "stylize" && !job.points && belongs(job, state) && !model.edited()) model.take(job.result.matches);
    if (!running(job)) refresh(context);
  }

  function order(kind) {
    const { content, styles, options, protect, regions } = store.get();
    const sent = changed(config, options);
    if (byNetwork(sent)) sent.model = learnt(config, styles)?.id;
    if (kind === "variants") for (const name of ["look", "warp_strength"]) delete sent[name];
    return {
      sent: {
        content: content.id,
        styles: styles.map((image) => image.id),
        options: sent,
        points: kind !== "match" && model.edited() ? model.list().map(row) : null,
        protect,
        regions: styles.length === 1 && !byNetwork(sent) ? regions : null,
      },
      known: { content, styles, options: sent },
    };
  }

  async function begin(kind, view = "picture") {
    const { content, styles, work: job } = store.get();
    if (!content || !styles.length || running(job)) return;
    app.clear();
    if (view) store.set({ view, cell: null });
    try {
      await work.begin(kind, order(kind));
    } catch (error) {
      app.fail(error);
    }
  }

  function goBack(job) {
    model.start(job.content, job.styles[0]);
    chosen = [job.content.id, ...job.styles.map((image) => image.id)].join();
    store.set({
      content: job.content, styles: job.styles, options: { ...defaults(config), ...job.options }, job, cell: null, instant: null, view: "picture",
    });
    if (job.points?.length) model.replace(job.points);
    else if (job.result?.matches?.length) model.take(job.result.matches);
    brush.restore(job.masks);
    root.querySelector(".stage").scrollIntoView({ block: "nearest" });
  }

  function pick(cell) {
    const { options, cell: before } = store.get();
    if (before?.image === cell.image) return store.set({ cell: null });
    store.set({ cell, view: "picture", options: { ...options, ...cell.options } });
  }

  // ---- the stage

  const frame = stage(context);
  const points = pointView({ ...context, find: () => begin("match", null), subscribe: (call) => subscribers.push(call) });
  const brush = maskView(context);
  const bar = progress({ store, work });
  const caption = h("p", { class: "caption" });
  const verdict = h("details", { class: "verdict" }, h("summary", {}, "How well the two pictures match"), h("p", {}));
  const strength = h("input", {
    type: "range", min: 0, max: 1, step: 0.05, value: 1, "aria-label": "How much of the painting the first version takes",
    oninput: () => {
      store.set({ strength: strength.valueAsNumber });
      afterSlide();
    },
  });
  const strengthBox = h("label", { class: "bend" }, "Less", strength, "more of the painting");
  const downloads = h("div", { class: "downloads", role: "group", "aria-label": "Download" });
  const views = Object.entries(VIEWS).map(([name, text]) =>
    h("button", { type: "button", "data-view": name, onclick: () => look(name) }, text),
  );
  const nav = h("div", { class: "views", role: "group", "aria-label": "What to see" }, ...views);

  function look(view) {
    store.set({ view });
    const { work: job } = store.get();
    if (view === "points" && !model.list().length && !model.found() && !running(job)) begin("match", null);
  }

  store.on(["view", "content", "styles"], ({ view, content, styles }) => {
    const both = Boolean(content && styles.length);
    root.classList.toggle("empty", !content);
    first.root.hidden = Boolean(content);
    nav.hidden = !content;
    for (const node of views) {
      node.setAttribute("aria-pressed", String(node.dataset.view === view));
      node.disabled = node.dataset.view !== "picture" && !both;
    }
    root.dataset.view = view;
    points.root.hidden = !(view === "points" && both);
    brush.root.hidden = !(view === "brush" && both);
    if (!points.root.hidden) points.shown();
    if (!brush.root.hidden) brush.shown();
  });

  const DOWNLOADS = { "image.png": "PNG", "run.zip": "Everything, ZIP", "morph.mp4": "Morph, MP4", "morph.gif": "Morph, GIF" };
  store.on(["content", "styles", "instant", "job", "work", "cell", "view", "options"], (state) => {
    const { content, instant, view, cell } = state;
    const job = current(state);
    const picture = pictureOf({ ...state, job });
    const over = job && !running(job);
    const plainly = ["picture", "compare"].includes(view);
    const first = picture?.kind === "instant";
    strengthBox.hidden = !(first && plainly && !running(state.work));
    caption.hidden = !plainly || !content;
    const seconds = instant?.seconds ? ` in ${instant.seconds.toFixed(1)} s` : "";
    if (cell) caption.textContent = `Variant: ${labelOf(config, cell)}.`;
    else if (instant?.waiting && !job) caption.textContent = "Painting a first version …";
    else if (first && !running(state.work)) caption.textContent = `A first version${seconds}. ${byNetwork(state.options) ? "Generate bends it to the painter’s shapes" : "Generate paints it stroke by stroke, in the painter’s shapes"}.`;
    else if (over) {
      const options = described(config, job.options);
      const unbent = job.result && !job.result.matches?.length && job.result.verdict;
      caption.textContent = [job.state === "stopped" ? "Stopped; the best so far." : "", job.note, unbent, options && `Settings: ${options}.`].filter(Boolean).join(" ");
    } else if (job && picture.kind === "preview") caption.textContent = byNetwork(job.options) ? "" : "Painted step by step, from the large shapes to the single stroke.";
    else caption.textContent = !picture || picture.kind !== "photo" ? "" : state.styles.length ? "" : "Now choose a painter.";
    const files = over && !cell && job.result?.image ? job.result.files || Object.keys(DOWNLOADS).slice(0, 3) : [];
    downloads.replaceChildren(
      ...Object.keys(DOWNLOADS).filter((name) => files.includes(name)).map((name) => h("a", { class: "button quiet", href: api.file(job.id, name), download: name }, DOWNLOADS[name])),
    );
    verdict.hidden = !(over && plainly && !cell && job.result?.matches?.length && job.result.verdict);
    if (!verdict.hidden) verdict.lastChild.textContent = job.result.verdict;
    downloads.hidden = !files.length || !plainly;
  });

  // ---- what begins it

  const generate = h("button", { type: "button", class: "solid generate", onclick: () => begin("stylize") }, "Generate");
  const some = h("button", { type: "button", class: "quiet", onclick: () => begin("variants"), title: "Nine small ones to pick from: looks by warps" }, "Variants");
  const hint = h("p", { class: "hint" });
  const go = h("div", { class: "go" }, bar, h("div", { class: "go-acts" }, generate, some), hint, h("p", { class: "error", role: "alert", "data-error": "" }));
  store.on(["content", "styles", "work", "options"], ({ content, styles, work: job, options }) => {
    some.hidden = byNetwork(options); // which paints in one way
    const busy = running(job);
    generate.parentElement.hidden = busy;
    generate.disabled = some.disabled = !content || !styles.length;
    hint.textContent = !content ? "Choose a photograph to begin." : !styles.length ? "Choose a painter." : "";
    hint.hidden = busy || !hint.textContent;
    go.hidden = !content;
  });

  function used({ options }) {
    const idle = byNetwork(options) ? ["method", ...config.network.idle] : [];
    return config.options.map((option) => option.name).filter((name) => !idle.includes(name));
  }

  const stageRoot = h(
    "section",
    { class: "stage", "aria-label": "The picture" },
    nav, first.root, h("div", { class: "mat" }, frame, points.root, brush.root), h("div", { class: "foot" }, h("div", {}, caption, strengthBox, verdict), downloads),
  );
  const aside = h("aside", { class: "panel", "aria-label": "Settings" }, photographPart, menu.root, handles({ ...context, only: used }));
  const shelf = h("div", { class: "shelf" }, variantsRow({ ...context, pick }), historyRow({ ...context, goBack }));
  root.append(h("div", { class: "easel" }, stageRoot, shelf), h("div", { class: "side" }, aside, go));

  // ---- drops and pastes: the photograph first, then the painting

  droppable(stageRoot, (file) => (store.get().content ? change : first).file(file));
  droppable(menu.root, menu.file);
  pasted(root, change.dialog, (file, toFirst) => {
    const { content, styles } = store.get();
    if (toFirst ?? (!content || styles.length)) (content ? change : first).file(file);
    else menu.file(file);
  });

  // ---- what was begun before a reload

  try {
    const past = await api.jobs();
    store.set({ past });
    const open = past.find((job) => running(job) && ["match", "stylize", "variants"].includes(job.kind));
    const last = JSON.parse(sessionStorage.getItem(KEEP) || "null");
    if (open) {
      store.set({ content: open.content, styles: open.styles, options: { ...defaults(config), ...open.options } });
      if (open.points?.length) model.replace(open.points);
      brush.restore(open.masks);
      work.resume(open);
    } else if (last?.content && (await api.there(last.content))) store.set({ content: last.content, styles: last.styles || [] });
  } catch (error) {
    if (error.status) app.fail(error);
  }
}
