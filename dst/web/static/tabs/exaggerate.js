// A face made more itself: it follows the handles at once, and is made at its full size by the button.

import * as api from "../api.js";
import { maker } from "../maker.js";

const FACE = ["strength", "eyes", "brows", "nose", "mouth", "jaw"];

export function mount(root, app) {
  const atOnce = ({ content, sent }, signal) =>
    api.caricature({ content: content.id, options: Object.fromEntries(Object.entries(sent).filter(([name]) => FACE.includes(name))) }, signal);
  return maker(root, app, "exaggerate", { atOnce });
}
