// The handles, drawn from the server's config: its names, sentences, ranges and defaults.

import { fresh, h } from "./dom.js";
import { byNetwork } from "./ways.js";

const number = (value) => (typeof value === "number" ? String(Math.round(value * 1000) / 1000) : String(value));

/** A value in words: the name of a choice or of a mark on a range, else the number. */
export function shown(option, value) {
  return option.choices?.find((choice) => choice.value === value)?.label ?? number(value);
}

/** One control; set(value) is called with each change. Gives {root, show(value), limit(what it takes less of, or null)}. */
function control(option, set) {
  const id = fresh("option");
  const help = fresh("help");
  const described = { id, "aria-describedby": help };
  let input;
  let out = null;
  let show = (value) => (input.value = value);
  let limit = () => {};
  if (option.kind === "choice") {
    input = h("select", { ...described, onchange: () => set(option.choices[input.selectedIndex].value) });
    input.append(...option.choices.map((choice) => h("option", { value: choice.value }, choice.label)));
    show = (value) => (input.selectedIndex = option.choices.findIndex((choice) => choice.value === value));
    limit = (left) => [...input.options].forEach((node, k) => (node.hidden = node.disabled = left !== null && !left.includes(option.choices[k].value)));
  } else if (option.kind === "switch") {
    input = h("input", { ...described, type: "checkbox", role: "switch", onchange: () => set(input.checked) });
    show = (value) => (input.checked = Boolean(value));
  } else {
    const limits = { min: option.low, max: option.high, step: option.step || (option.kind === "number" ? 1 : "any") };
    const range = option.kind === "range";
    out = range ? h("output", { for: id }) : null;
    input = h("input", {
      ...described,
      ...limits,
      type: range ? "range" : "number",
      inputmode: range ? null : "numeric",
      oninput: () => {
        if (out) out.textContent = shown(option, input.valueAsNumber);
        if (Number.isFinite(input.valueAsNumber)) set(input.valueAsNumber);
      },
    });
    show = (value) => {
      if (document.activeElement !== input || range) input.value = value;
      if (out) out.textContent = shown(option, value);
    };
    limit = (most) => (input.max = most ?? option.high);
  }
  const marks = option.kind === "range" && option.choices?.length ? h("div", { class: "marks" }) : "";
  for (const mark of (marks && option.choices) || []) {
    const node = h("button", { type: "button", class: "mark", tabindex: -1, onclick: () => set(mark.value) }, mark.label);
    node.style.setProperty("--at", (mark.value - option.low) / (option.high - option.low));
    marks.append(node);
  }
  const root = h(
    "div",
    { class: `option ${option.kind}`, "data-option": option.name },
    h("div", { class: "option-head" }, h("label", { for: id }, option.label), out),
    input,
    marks,
    h("p", { class: "help", id: help, title: option.looks }, option.help),
    h("p", { class: "error", role: "alert", "data-error": option.name }),
  );
  return { root, show, limit };
}

/** The values that differ from their defaults, without those that a trained network has no use for: what is sent with a job. */
export function changed(config, values) {
  const idle = byNetwork(values) ? config.network.idle : [];
  const all = config.options.filter((option) => option.name in values && values[option.name] !== option.default && !idle.includes(option.name));
  return Object.fromEntries(all.map((option) => [option.name, values[option.name]]));
}

/** Every option's default. */
export function defaults(config) {
  return Object.fromEntries(config.options.map((option) => [option.name, option.default]));
}

/** What a job had other than the defaults: "look painting, warp strength 1.5". */
export function described(config, options) {
  const words = Object.entries(options || {}).map(([name, value]) => {
    const option = config.options.find((one) => one.name === name);
    if (!option || value === option.default) return null;
    if (name === "method" && byNetwork(options)) return "by a trained network";
    return option.kind === "switch" ? `${option.label}${value ? "" : " off"}` : `${option.label} ${shown(option, value)}`;
  });
  return words.filter(Boolean).join(", ").toLowerCase();
}

/** The handles; they set `options` of the store. `only(state)`: names of those that are shown, where it is not all of them. */
export function handles({ config, store, clear, only = null }) {
  const controls = new Map();
  const make = (option) => {
    const made = control(option, (value) => {
      clear(option.name);
      store.set({ options: { ...store.get().options, [option.name]: value } });
    });
    controls.set(option.name, made);
    return made.root;
  };
  const simple = config.options.filter((option) => !option.advanced);
  const advanced = config.options.filter((option) => option.advanced);
  const groups = [...new Set(advanced.map((option) => option.group))];
  const headings = new Map(groups.map((group) => [group, h("h3", {}, group)]));
  const reset = h("button", { type: "button", class: "plain", onclick: () => store.set({ options: defaults(config) }) }, "Back to the defaults");
  const root = h(
    "section",
    { class: "part handles", "aria-labelledby": "handles-title" },
    h("div", { class: "part-head" }, h("h2", { id: "handles-title" }, "Handles"), reset),
    ...simple.map(make),
    advanced.length
      ? h(
          "details",
          {},
          h("summary", {}, "More handles"),
          ...groups.flatMap((group) => [
            groups.length > 1 ? headings.get(group) : "",
            ...advanced.filter((option) => option.group === group).map(make),
          ]),
        )
      : "",
  );
  store.on(["options"], ({ options }) => {
    for (const [name, made] of controls) made.show(options[name]);
    const limits = byNetwork(options) ? config.network.limits : {};
    for (const name of Object.keys(config.network.limits)) controls.get(name)?.limit(limits[name] ?? null);
    reset.hidden = !Object.keys(changed(config, options)).length;
  });
  const folded = root.querySelector("details");
  if (only) {
    store.on(["task", "options"], (state) => {
      const names = only(state);
      for (const [name, made] of controls) made.root.hidden = !names.includes(name);
      const left = advanced.filter((option) => names.includes(option.name));
      for (const [group, heading] of headings) heading.hidden = !left.some((option) => option.group === group);
      if (folded) folded.hidden = !left.length;
    });
  }
  return root;
}
