// New pictures of one picture's own pieces, and quilts.

import { maker } from "../maker.js";

export const mount = (root, app) => maker(root, app, "one-image");
