// Textures of any size from a sample.

import { maker } from "../maker.js";

export const mount = (root, app) => maker(root, app, "texture");
