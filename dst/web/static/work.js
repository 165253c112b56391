// Jobs: beginning one, following it, stopping or cancelling it, and picking it up again after a reload.

import * as api from "./api.js";
import { h, spoken } from "./dom.js";
import { byNetwork } from "./ways.js";

const STAGES = {
  read: "Reading the pictures",
  match: "Finding what both pictures share",
  matching: "Finding what both pictures share",
  warp: "Bending the shapes",
  optimize: "Painting",
  painting: "Painting",
  finish: "Finishing",
  save: "Finishing",
};

/** Kinds of jobs, and their tasks, of which half is nothing: they can be cancelled alone. */
const WHOLE = ["match", "exaggerate photo", "one-image quilt", "one-image onto"];

export const running = (job) => Boolean(job) && !api.ENDED.includes(job.state);

/** What a job is doing, in a few words. */
export function doing(job) {
  if (job.state === "queued") {
    return job.place > 1 ? `Waiting: place ${job.place} in the queue` : "Waiting: next in the queue";
  }
  const stage = STAGES[job.stage] || job.stage || "Beginning";
  return job.kind === "variants" && job.stage !== "match" ? "Painting the variants" : stage;
}

/** Whether a job was made of the pictures that are chosen now. */
export function belongs(job, { content, styles }) {
  if (!job || !content) return false;
  const ids = (images) => (images || []).map((image) => image.id).join();
  return job.content?.id === content.id && ids(job.styles) === ids(styles);
}

/** The worker of a tab: begin(kind, order), stop(), cancel(), resume(job); `onState` gets each state of it. */
export function worker({ store, fail, announce, onState }) {
  let end = null;

  function take(job, more = {}) {
    const before = store.get().work;
    const now = { ...before, ...job, ...more };
    const over = !running(now);
    if (over) end = null;
    store.set({ work: now });
    onState(now);
    if (before?.state !== now.state) announce(over ? { done: "Done.", stopped: "Stopped; the best so far is kept.", cancelled: "Cancelled." }[now.state] || "" : doing(now));
    if (now.state === "failed") fail(new api.ApiError(now.error?.error || "This failed.", now.error?.field || null));
  }

  function resume(job) {
    end?.();
    store.set({ work: job });
    end = api.follow(job.id, (state) => take(state));
  }

  async function begin(kind, order) {
    const given = await api.post({ kind, ...order.sent });
    resume({ id: given.id, place: given.place, kind, state: "queued", done: 0, total: 0, ...order.known });
  }

  async function ask(what) {
    const { work } = store.get();
    if (!running(work)) return;
    try {
      await what(work.id);
      if (what === api.cancel) take({ state: "cancelled" });
      else store.set({ work: { ...store.get().work, stopping: true } });
    } catch (error) {
      if (error.status !== 409) fail(error); // 409: it ended meanwhile
    }
  }

  return { begin, resume, stop: () => ask(api.stop), cancel: () => ask(api.cancel) };
}

/** The bar: what is being done, how far it is, the time left, Stop and Cancel. */
export function progress({ store, work }) {
  const words = h("p", { class: "doing" });
  const left = h("p", { class: "left" });
  const bar = h("progress", { "aria-label": "Progress" });
  const stop = h("button", { type: "button", class: "quiet", onclick: work.stop, title: "Stop here and keep the best so far" }, "Stop, keep this");
  const cancel = h("button", { type: "button", class: "plain", onclick: work.cancel }, "Cancel");
  const root = h("div", { class: "progress", hidden: true }, h("div", { class: "progress-words" }, words, left), bar, h("div", { class: "progress-acts" }, stop, cancel));
  store.on(["work"], ({ work: job }) => {
    const goes = running(job);
    if (!goes && root.contains(document.activeElement)) root.closest(".tab")?.querySelector(".generate")?.focus();
    root.hidden = !goes;
    if (!goes) return;
    words.textContent = job.stopping ? "Stopping; the best so far is kept" : doing(job);
    left.textContent = job.seconds_left > 0 ? `about ${spoken(job.seconds_left)} left` : "";
    if (job.state === "running" && job.total) {
      bar.max = 1;
      bar.value = job.share ?? job.done / job.total;
    } else bar.removeAttribute("value");
    stop.hidden = byNetwork(job.options) || WHOLE.includes(`${job.kind} ${job.task || ""}`.trim());
    stop.disabled = job.stopping || job.state === "queued" || !job.done;
  });
  return root;
}
