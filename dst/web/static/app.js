// The page: reads the server's config, assembles the tabs from its list, and says so where the connection is lost.

import * as api from "./api.js";
import { h } from "./dom.js";

const main = document.querySelector("#tab");
const connection = document.querySelector("#connection");
const said = document.querySelector("#said");
const mounted = new Map();

/** Says something to those who listen rather than look. */
function announce(text) {
  said.textContent = "";
  requestAnimationFrame(() => (said.textContent = text));
}

/**
 * Shows an error beside the field that it concerns, or beside the button that was pressed.
 * Places are elements with data-error="name"; the one named "" takes what has no place of its own.
 */
function fail(root, error) {
  if (error.name === "AbortError") return;
  const all = [...root.querySelectorAll("[data-error]")];
  let places = all.filter((place) => place.dataset.error === (error.field || ""));
  if (!places.length) places = all.filter((place) => place.dataset.error === "");
  for (const place of places) {
    place.textContent = error.message;
    for (let outer = place.closest("details"); outer; outer = outer.parentElement.closest("details")) outer.open = true;
  }
  announce(error.message);
  const seen = places.find((place) => place.offsetParent);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  seen?.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  if (!(error instanceof api.ApiError)) console.error(error);
}

/** Takes errors away again: of one field, or all of them. */
function clear(root, field = null) {
  for (const place of root.querySelectorAll("[data-error]")) {
    if (field === null || place.dataset.error === field) place.textContent = "";
  }
}

async function open(tab, config, links) {
  for (const [id, { root, module }] of mounted) {
    root.hidden = id !== tab.id;
    if (id !== tab.id) module.hide?.();
  }
  if (mounted.size) scrollTo(0, 0);
  for (const link of links) {
    link.setAttribute("aria-current", link.dataset.tab === tab.id ? "page" : "false");
    if (link.dataset.tab === tab.id) link.scrollIntoView({ block: "nearest", inline: "center" });
  }
  if (mounted.has(tab.id)) return mounted.get(tab.id).module.show?.();
  const module = await import(new URL(tab.module, location.href));
  const root = h("div", { class: `tab tab-${tab.id}` });
  mounted.set(tab.id, { root, module });
  main.append(root);
  await module.mount(root, { config, announce, fail: (error) => fail(root, error), clear: (field) => clear(root, field) });
  module.show?.();
}

async function start() {
  let lost = false;
  api.onConnection((is) => {
    if (!is) connection.textContent = "The connection is lost. Trying again; what was begun goes on.";
    if (lost && is) announce("Connected again.");
    lost = !is;
    connection.hidden = is;
  });
  let config;
  try {
    config = await api.config();
  } catch (error) {
    main.replaceChildren(h("p", { class: "wait", role: "alert" }, error.message), h("p", { class: "wait" }, h("a", { href: "." }, "Try again")));
    return;
  }
  main.replaceChildren();
  const links = config.tabs.map((tab) => h("a", { href: `#${tab.id}`, "data-tab": tab.id }, tab.name));
  document.querySelector("#tabs").replaceChildren(...(links.length > 1 ? links : []));
  const go = () => open(config.tabs.find((tab) => `#${tab.id}` === location.hash) || config.tabs[0], config, links);
  addEventListener("hashchange", go);
  await go();
  document.documentElement.dataset.ready = "yes";
}

const here = new URL(document.baseURI);
if (here.username || here.password) {
  here.username = here.password = ""; // a password in the address, which no request may carry; the browser knows it by now
  location.replace(here);
} else start();
