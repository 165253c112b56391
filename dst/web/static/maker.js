// A tab that makes one picture: of a picture, of another where its task asks for one, of what is brushed where it asks for that.
// What there is to make and to set comes from the server's list; a tab's own file says only what else it does.

import * as api from "./api.js";
import { brushPane } from "./brushpane.js";
import { attribute, h, later } from "./dom.js";
import { historyRow, refresh } from "./history.js";
import { changed, defaults, described, handles } from "./options.js";
import { painters } from "./painters.js";
import { chosenButton, droppable, LAST, pasted, picker, pickerDialog, samplesOf } from "./picker.js";
import { pictureOf, stage } from "./stage.js";
import { store as makeStore } from "./store.js";
import { belongs, progress, running, worker } from "./work.js";

const VIEWS = { picture: "Picture", compare: "Compare", brush: "Brush" };
const DOWNLOADS = { "image.png": "PNG", "morph.mp4": "Film, MP4", "table.csv": "Table, CSV" };

/** Mounts the tab `id`; `atOnce(state, signal)` gives a first picture {blob, seconds} where there is one. */
export async function maker(root, app, id, { atOnce = null } = {}) {
  const tab = app.config.tabs.find((one) => one.id === id);
  const config = { ...app.config, options: tab.options };
  const keep = `dst.${id}`;
  const store = makeStore({
    content: null, styles: [], task: tab.tasks[0].value, options: defaults(config), view: "picture", instant: null, work: null, job: null, past: [], mask: null,
  });
  const taskOf = ({ task } = store.get()) => tab.tasks.find((one) => one.value === task);
  const used = (state) => (taskOf(state).second ? state.styles : []);
  const current = (state) => (state.job?.task === state.task && belongs(state.job, { content: state.content, styles: used(state) }) ? state.job : null);
  const context = { config, store, current, fail: app.fail, clear: app.clear, announce: app.announce };
  const work = worker({ ...context, onState: took });
  root.classList.add("paint");

  // ---- the pictures

  const said = tab.first.toLowerCase();
  const words = { drop: `Drop a ${said} here, or paste one.`, choose: `Choose a ${said}`, more: tab.lead };
  const samples = [...samplesOf(config, id), ...(tab.painters ? config.painters.map(({ id: name, name: title, thumb }) => ({ id: name, name: title, thumb })) : [])];
  const take = (image) => {
    store.set({ content: image, view: taskOf().mask ? "brush" : "picture" });
    app.announce(`${image.name} is taken.${image.note ? ` ${image.note}` : ""}`);
  };
  const given = { ...context, kind: "content", words, samples, take };
  const first = picker(given);
  const change = pickerDialog({ ...given, title: `Another ${said}` });
  const firstPart = chosenButton({ ...context, title: tab.first, dialog: change });

  const menus = new Map();
  const menuPlace = h("div", {});
  function menuOf({ second } = taskOf()) {
    if (!second) return null;
    if (!menus.has(second.title)) {
      const own = { title: second.title, drop: `${second.drop.replace(/\.$/, "")}: drop it here, or paste it.`, choose: "Choose a picture" };
      const offered = second.painters ? config.painters : samplesOf(config, "style");
      const menu = painters({ ...context, config: { ...config, painters: offered }, title: second.title, own, single: true });
      menus.set(second.title, menu);
      menuPlace.append(menu.root);
      droppable(menu.root, menu.file);
    }
    return menus.get(second.title);
  }

  // ---- what is made

  const help = h("p", { class: "help" });
  const tasks = tab.tasks.map((task) => h("button", { type: "button", class: "quiet", "data-task": task.value, onclick: () => choose(task.value) }, task.label));
  const taskPart = h(
    "section",
    { class: "part", "aria-label": "What to make" },
    h("p", { class: "lead" }, tab.lead),
    tasks.length > 1 ? h("div", { class: "tasks", role: "group", "aria-label": "What to make" }, ...tasks) : "",
    help,
  );

  function choose(value) {
    const before = taskOf().second?.title;
    app.clear();
    store.set({ task: value, view: "picture", styles: taskOf({ task: value }).second?.title === before ? store.get().styles : [] });
    if (taskOf().mask && store.get().content) store.set({ view: "brush" });
  }

  store.on(["task"], (state) => {
    const task = taskOf(state);
    help.textContent = task.help;
    for (const node of tasks) node.setAttribute("aria-pressed", String(node.dataset.task === task.value));
    const menu = menuOf(task);
    for (const other of menus.values()) other.root.hidden = other !== menu;
  });

  // ---- the brush

  const size = h("input", { type: "range", min: 0.01, max: 0.25, step: 0.005, value: 0.08, "aria-label": "Size of the brush" });
  const eraser = h("button", { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => attribute(eraser, "aria-pressed", String(eraser.ariaPressed !== "true")) }, "Erase");
  const pane = brushPane({
    name: tab.first,
    tool: () => ({ colour: "#ffffff", size: size.valueAsNumber, erase: eraser.ariaPressed === "true" }),
    changed: () => store.set({ mask: pane.mask() }),
  });
  const act = (text, call) => h("button", { type: "button", class: "quiet", onclick: call }, text);
  const brushWords = h("p", { class: "point-words" });
  const brush = h(
    "div",
    { class: "points brush" },
    h("div", { class: "panes two" }, h("figure", {}, pane.node)),
    h("div", { class: "toolbar" }, h("label", { class: "bend" }, "Brush", size), h("div", { class: "acts" }, eraser, act("Undo", pane.undo), act("Clear", pane.clear))),
    brushWords,
    h("p", { class: "error", role: "alert", "data-error": "mask" }),
  );
  store.on(["content"], ({ content }) => {
    if (!content) return;
    pane.show(content);
    store.set({ mask: null });
  });

  // ---- at once

  let asking = null;
  async function ask() {
    asking?.abort();
    const state = store.get();
    if (!state.content || running(state.work)) return;
    asking = new AbortController();
    try {
      const { blob, seconds } = await atOnce({ ...state, sent: sentOf(state) }, asking.signal);
      if (state.instant?.url) URL.revokeObjectURL(state.instant.url);
      app.clear("content");
      store.set({ instant: { url: URL.createObjectURL(blob), seconds } });
    } catch (error) {
      if (error.name === "AbortError") return;
      store.set({ instant: null });
      app.fail(error);
    }
  }
  if (atOnce) {
    const soon = later(80, ask);
    let asked = "";
    store.on(["content", "options"], (state) => {
      const now = JSON.stringify([state.content?.id, state.options]);
      if (now === asked || !state.content) return;
      asked = now;
      if (asked && state.job && !running(state.work) && !same(state.job.options, sentOf(state))) store.set({ job: null });
      if (belongs(state.job, { content: state.content, styles: used(state) }) && store.get().job) return;
      soon();
    });
  }

  // ---- work

  const same = (a, b) => JSON.stringify(Object.entries(a || {}).sort()) === JSON.stringify(Object.entries(b || {}).sort());
  function sentOf(state) {
    const names = taskOf(state).options;
    return Object.fromEntries(Object.entries(changed(config, state.options)).filter(([name]) => names.includes(name)));
  }

  function took(job) {
    store.set({ job: ["failed", "cancelled"].includes(job.state) ? null : job });
    if (!running(job)) refresh(context);
  }

  async function begin() {
    const state = store.get();
    if (running(state.work)) return;
    app.clear();
    const styles = used(state);
    const options = sentOf(state);
    store.set({ view: "picture" });
    try {
      await work.begin(id, {
        sent: { task: state.task, content: state.content.id, styles: styles.map((image) => image.id), options, mask: taskOf(state).mask ? state.mask : null },
        known: { task: state.task, content: state.content, styles, options },
      });
    } catch (error) {
      if (error.field === "mask") store.set({ view: "brush" });
      app.fail(error);
    }
  }

  async function goBack(job) {
    app.clear();
    store.set({ task: job.task, content: job.content, styles: job.styles, options: { ...defaults(config), ...job.options }, job, instant: null, view: "picture" });
    if (job.masks?.mask) await pane.load(job.masks.mask).catch(() => {});
    else if (pane.count()) pane.clear();
    root.querySelector(".stage").scrollIntoView({ block: "nearest" });
  }

  // ---- the stage

  const frame = stage({ ...context, aligned: (state) => taskOf(state).aligned });
  const bar = progress({ store, work });
  const caption = h("p", { class: "caption" });
  const downloads = h("div", { class: "downloads", role: "group", "aria-label": "Download" });
  const views = Object.entries(VIEWS).map(([name, text]) => h("button", { type: "button", "data-view": name, onclick: () => store.set({ view: name }) }, text));
  const nav = h("div", { class: "views", role: "group", "aria-label": "What to see" }, ...views);
  store.on(["view", "content", "task", "job", "instant"], (state) => {
    const { content, view } = state;
    const task = taskOf(state);
    const more = { compare: task.aligned && Boolean(current(state)?.result || state.instant), brush: Boolean(task.mask) };
    root.classList.toggle("empty", !content);
    first.root.hidden = Boolean(content);
    nav.hidden = !content || !(task.aligned || task.mask);
    for (const node of views) {
      const name = node.dataset.view;
      node.hidden = (name === "compare" && !task.aligned) || (name === "brush" && !task.mask);
      node.disabled = more[name] === false;
      node.setAttribute("aria-pressed", String(view === name));
    }
    brush.hidden = !(view === "brush" && content && task.mask);
    brushWords.textContent = task.mask;
  });
  store.on(["content", "styles", "instant", "job", "work", "view", "task", "options"], (state) => {
    const job = current(state);
    const over = job && !running(job);
    const kind = pictureOf({ ...state, job })?.kind;
    caption.hidden = !state.content || state.view === "brush";
    const options = over && described(config, job.options);
    if (over) caption.textContent = [job.note && `${job.note[0].toUpperCase()}${job.note.slice(1)}.`, options && `Settings: ${options}.`].filter(Boolean).join(" ");
    else if (kind === "instant") caption.textContent = `A small first version. ${tab.act} makes it at its full size.`;
    else caption.textContent = "";
    const files = over && job.result?.image ? job.result.files : [];
    downloads.hidden = !files.length || state.view === "brush";
    downloads.replaceChildren(...files.filter((name) => DOWNLOADS[name]).map((name) => h("a", { class: "button quiet", href: api.file(job.id, name), download: name }, DOWNLOADS[name])));
  });

  const button = h("button", { type: "button", class: "solid generate", onclick: begin }, tab.act);
  const hint = h("p", { class: "hint" });
  const go = h("div", { class: "go" }, bar, h("div", { class: "go-acts" }, button), hint, h("p", { class: "error", role: "alert", "data-error": "" }));
  store.on(["content", "styles", "work", "task", "mask"], (state) => {
    const { second, mask } = taskOf(state);
    const busy = running(state.work);
    const missing = second && !state.styles.length ? second.drop : mask && !state.mask ? mask : "";
    button.parentElement.hidden = busy;
    button.disabled = !state.content || Boolean(missing);
    hint.textContent = missing;
    hint.hidden = busy || !missing;
    go.hidden = !state.content;
  });

  const stageRoot = h(
    "section",
    { class: "stage", "aria-label": "The picture" },
    nav, first.root, h("div", { class: "mat" }, frame, brush), h("div", { class: "foot" }, caption, downloads),
  );
  const settings = handles({ ...context, only: (state) => taskOf(state).options });
  const aside = h("aside", { class: "panel", "aria-label": "Settings" }, firstPart, taskPart, menuPlace, settings);
  const called = (job) => tab.tasks.find((task) => task.value === job.task)?.label;
  const shelf = h("div", { class: "shelf" }, historyRow({ ...context, goBack, kind: id, called }));
  root.append(h("div", { class: "easel" }, stageRoot, shelf), h("div", { class: "side" }, aside, go));
  droppable(stageRoot, (file) => (store.get().content ? change : first).file(file));
  pasted(root, change.dialog, (file, toFirst) => {
    const { content, styles } = store.get();
    const menu = menuOf();
    if (!menu || (toFirst ?? (!content || styles.length))) (content ? change : first).file(file);
    else menu.file(file);
  });

  // ---- what was begun before a reload; else the photograph of the tab before

  const shares = ["Photograph", "Picture"].includes(tab.first);
  store.on(["content"], ({ content }) => content && shares && sessionStorage.setItem(LAST, JSON.stringify(content)));
  store.on(["content", "styles", "task", "options"], ({ content, styles, task, options }) => content && sessionStorage.setItem(keep, JSON.stringify({ content, styles, task, options })));
  await pickUp();
  root.dataset.mounted = "yes";

  async function pickUp() {
    try {
      const past = await api.jobs();
      store.set({ past });
      const open = past.find((job) => running(job) && job.kind === id);
      if (open) {
        store.set({ task: open.task, content: open.content, styles: open.styles, options: { ...defaults(config), ...open.options } });
        if (open.masks?.mask) await pane.load(open.masks.mask).catch(() => {});
        work.resume(open);
        return;
      }
      const last = JSON.parse(sessionStorage.getItem(keep) || "null");
      if (last?.content && (await api.there(last.content))) store.set({ ...last, styles: last.styles || [] });
      else if (shares) {
        const content = JSON.parse(sessionStorage.getItem(LAST) || "null");
        if (content && (await api.there(content))) store.set({ content });
      }
    } catch (error) {
      if (error.status) app.fail(error);
    }
  }
}
