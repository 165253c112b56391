// Ways to give a picture: a file, the camera, a drop, a paste, a link, a sample.

import * as api from "./api.js";
import { fresh, h } from "./dom.js";

/** Where the photograph that was chosen last is remembered, for the next tab. */
export const LAST = "dst.photograph";
const PICTURES = "image/*,.tif,.tiff,.webp,.bmp";

/** The first picture among what was dropped or pasted, as a File, or null. */
export function pictureIn(transfer) {
  const files = [...(transfer?.files || [])];
  return files.find((file) => file.type.startsWith("image/")) || files[0] || null;
}

/**
 * A picker.
 *
 * config: the server's; kind: "content" or "styles", the field that errors belong to; words: {drop, choose};
 * samples: [{id, name, thumb}] to offer; take(image): gets the image object; fail(error), busy(boolean).
 */
export function picker({ config, kind, words, samples = [], take, fail, clear }) {
  const root = h("div", { class: "picker" });

  async function bring(request, field = kind) {
    clear(kind);
    clear("url");
    root.classList.add("busy");
    try {
      take(await request());
      link.value = "";
    } catch (error) {
      if (error instanceof api.ApiError && (!error.field || error.field === "url" || error.field === "content")) error.field = field;
      fail(error);
    } finally {
      root.classList.remove("busy");
    }
  }

  function file(chosen) {
    if (!chosen) return;
    const limit = config.max_upload_mb;
    if (limit && chosen.size > limit * 1e6) {
      const size = (chosen.size / 1e6).toFixed(0);
      fail(new api.ApiError(`${chosen.name} has ${size} MB: at most ${limit} MB are taken; save it smaller`, kind));
      return;
    }
    bring(() => api.upload(chosen, chosen.name || "pasted picture"));
  }

  const input = (capture) => {
    const node = h("input", {
      type: "file",
      accept: PICTURES,
      capture,
      class: "unseen",
      "aria-label": capture ? "Take a photograph" : words.choose,
      onchange: () => {
        file(node.files[0]);
        node.value = "";
      },
    });
    return node;
  };

  const link = h("input", { type: "url", placeholder: "https://…", "aria-label": "Address of a picture", autocomplete: "off" });
  const linkForm = h(
    "form",
    {
      class: "link",
      onsubmit: (event) => {
        event.preventDefault();
        if (link.value.trim()) bring(() => api.fromLink(link.value.trim()), "url");
      },
    },
    link,
    h("button", { class: "quiet" }, "Fetch"),
  );

  const folded = fresh("link");
  const linkButton = h(
    "button",
    {
      type: "button",
      class: "plain",
      "aria-expanded": "false",
      "aria-controls": folded,
      onclick: () => {
        linkBox.hidden = !linkBox.hidden;
        linkButton.setAttribute("aria-expanded", String(!linkBox.hidden));
        if (!linkBox.hidden) link.focus();
      },
    },
    "From a link",
  );
  const linkBox = h("div", { id: folded, hidden: true }, linkForm, h("p", { class: "error", role: "alert", "data-error": "url" }));

  root.append(
    h("p", { class: "drop-words" }, words.drop),
    words.more ? h("p", { class: "more-words" }, words.more) : "",
    h(
      "div",
      { class: "ways" },
      h("label", { class: "button solid" }, input(null), words.choose),
      kind === "content" ? h("label", { class: "button camera" }, input("environment"), "Take one") : null,
      config.links ? linkButton : null,
    ),
    config.links ? linkBox : "",
    h("p", { class: "error", role: "alert", "data-error": kind }),
  );
  if (samples.length) {
    root.append(
      h("p", { class: "hint" }, "or try one of these"),
      h(
        "div",
        { class: "samples" },
        ...samples.map((sample) =>
          h(
            "button",
            { type: "button", class: "sample", title: sample.name, onclick: () => bring(() => api.fromSample(sample.id)) },
            h("img", { src: sample.thumb, alt: sample.name, loading: "lazy", width: 84, height: 84 }),
          ),
        ),
      ),
    );
  }
  return { root, file };
}

/** A dialog around a picker; open() shows it, and it closes when a picture was taken. */
export function pickerDialog({ title, ...given }) {
  const inner = picker({
    ...given,
    take: (image) => {
      dialog.close();
      given.take(image);
    },
  });
  const id = fresh("title");
  const dialog = h(
    "dialog",
    { "aria-labelledby": id },
    h(
      "div",
      { class: "dialog-head" },
      h("h2", { id }, title),
      h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => dialog.close() }, "×"),
    ),
    inner.root,
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return { dialog, open: () => dialog.showModal(), file: inner.file };
}

/** Lets pictures be dropped on an element. */
export function droppable(node, file) {
  let depth = 0;
  const over = (is) => node.classList.toggle("dropping", is);
  node.addEventListener("dragenter", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    depth += 1;
    over(true);
  });
  node.addEventListener("dragover", (event) => event.dataTransfer.types.includes("Files") && event.preventDefault());
  node.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) over(false);
  });
  node.addEventListener("drop", (event) => {
    depth = 0;
    over(false);
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    file(pictureIn(event.dataTransfer));
  });
}

/** The photographs that a tab offers: [{id, name, thumb}]. */
export function samplesOf(config, id) {
  const names = config.tabs.find((tab) => tab.id === id).samples;
  return config.samples.filter((sample) => names.includes(sample.id));
}

/** The part of the settings that shows the first picture, `content` of the store, and leads to another. */
export function chosenButton({ store, title, dialog }) {
  const id = fresh("chosen");
  const button = h("button", { type: "button", class: "photograph", onclick: dialog.open });
  const root = h(
    "section",
    { class: "part photograph-part", "aria-labelledby": id },
    h("div", { class: "part-head" }, h("h2", { id }, title)),
    button,
    h("p", { class: "error", role: "alert", "data-error": "content" }),
    dialog.dialog,
  );
  store.on(["content"], ({ content }) => {
    root.hidden = !content;
    if (!content) return;
    const size = `${content.width} × ${content.height}`;
    button.replaceChildren(
      h("img", { src: content.thumb, alt: "", width: 56, height: 56 }),
      h("span", {}, h("b", {}, content.name), h("span", { class: "hint" }, [size, content.note].filter(Boolean).join(", "))),
      h("span", { class: "plain" }, "Change"),
    );
  });
  return root;
}

/** Takes pictures that are pasted on a tab: file, and whether it is for the first picture, null where nothing says so. */
export function pasted(root, firstDialog, take) {
  addEventListener("paste", (event) => {
    if (root.hidden || event.target.closest?.("input, textarea")) return;
    const file = pictureIn(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    const dialogs = [...root.querySelectorAll("dialog[open]")];
    take(file, dialogs.length ? dialogs[0] === firstDialog : null);
  });
}
