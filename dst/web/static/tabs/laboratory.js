// Style transfer as it was published, and its experiments.

import { maker } from "../maker.js";

export const mount = (root, app) => maker(root, app, "laboratory");
