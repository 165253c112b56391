// The painters' menu: thumbnails to choose one from, or several to mix, and the user's own paintings among them.

import * as api from "./api.js";
import { attribute, fresh, h } from "./dom.js";
import { pickerDialog } from "./picker.js";

const OWN = { title: "Your own painting", drop: "Drop a painting here, or paste one.", choose: "Choose a painting" };

/**
 * The menu. It sets `styles` of the store, a list of image objects; `sample` of one is the painter that it came from.
 * Own pictures come first and stay in the list for the session. title: its heading; own: words for a picture of one's own;
 * single: one at a time.
 */
export function painters({ config, store, fail, clear, title = "Painter", own: ownWords = OWN, single = false }) {
  const most = config.max_styles || 4;
  const own = [];
  const fetched = new Map(); // by painter, so that trying all of them out does not send each again
  const grid = h("div", { class: "painters", role: "group", "aria-label": `${title}: choose` });
  const name = h("p", { class: "painter-name" });
  const mix = h("input", { type: "checkbox", onchange: () => !mix.checked && keep(store.get().styles.slice(0, 1)) });
  let asked = null;

  const painterOf = (image) => config.painters.find((painter) => painter.id === image.sample);
  const keyOf = (image) => painterOf(image)?.id || image.id;
  const keep = (styles) => {
    clear("styles");
    store.set({ styles });
  };

  function choose(image) {
    const { styles } = store.get();
    if (!mix.checked) return keep([image]);
    const rest = styles.filter((other) => keyOf(other) !== keyOf(image));
    if (rest.length < styles.length && rest.length) return keep(rest);
    if (rest.length >= most) {
      return fail(new api.ApiError(`At most ${most} paintings are mixed: take one away first.`, "styles"));
    }
    keep([...rest, image]);
  }

  async function paint(painter) {
    asked = painter.id;
    const known = store.get().styles.find((image) => image.sample === painter.id) || fetched.get(painter.id);
    if (known) return choose(known);
    try {
      const image = { ...(await api.fromSample(painter.id)), name: painter.name };
      fetched.set(painter.id, image);
      if (asked === painter.id || mix.checked) choose(image);
    } catch (error) {
      error.field = "styles";
      fail(error);
    }
  }

  const dialog = pickerDialog({
    config,
    kind: "styles",
    title: ownWords.title,
    words: ownWords,
    take: (image) => takeOwn(image),
    fail,
    clear,
  });

  function takeOwn(image) {
    if (!own.some((other) => other.id === image.id)) own.unshift(image);
    asked = null;
    draw();
    choose(image);
  }

  const tile = (key, text, thumb, act) =>
    h(
      "button",
      { type: "button", class: "painter", "data-key": key, title: text, onclick: act },
      h("img", { src: thumb, alt: "", loading: "lazy", width: 80, height: 80 }),
      h("span", {}, text),
    );

  function draw() {
    grid.replaceChildren(
      h("button", { type: "button", class: "painter add", onclick: dialog.open }, h("i", { "aria-hidden": "true" }, "+"), h("span", {}, "Your own")),
      ...own.map((image) => tile(image.id, image.name, image.thumb, () => choose(image))),
      ...config.painters.map((painter) => tile(painter.id, painter.name, painter.thumb, () => paint(painter))),
    );
    show();
  }

  function show() {
    const { styles } = store.get();
    for (const image of styles) {
      if (!painterOf(image) && !own.some((other) => other.id === image.id)) {
        own.unshift(image);
        return draw();
      }
    }
    const chosen = styles.map(keyOf);
    for (const node of grid.querySelectorAll("[data-key]")) attribute(node, "aria-pressed", String(chosen.includes(node.dataset.key)));
    if (styles.length > 1) mix.checked = true;
    const tile = grid.querySelector("[aria-pressed='true']"); // on a phone the menu is a strip: what is chosen comes into sight
    if (tile && (tile.offsetLeft < grid.scrollLeft || tile.offsetLeft + tile.offsetWidth > grid.scrollLeft + grid.clientWidth)) {
      grid.scrollLeft = tile.offsetLeft - (grid.clientWidth - tile.offsetWidth) / 2;
    }
    const words = styles.length === 1 ? [styles[0].name, painterOf(styles[0])?.manner] : [styles.map((image) => image.name).join(" + ")];
    name.textContent = styles.length ? words.filter(Boolean).join(": ") : "";
  }

  const heading = fresh("painters");
  draw();
  store.on(["styles"], show);
  const root = h(
    "section",
    { class: "part", "aria-labelledby": heading },
    h("div", { class: "part-head" }, h("h2", { id: heading }, title), single ? "" : h("label", { class: "check" }, mix, "Mix several")),
    grid,
    name,
    h("p", { class: "error", role: "alert", "data-error": "styles" }),
    dialog.dialog,
  );
  return { root, file: dialog.file, forget: () => fetched.clear() };
}
