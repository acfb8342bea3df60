// The pages of members, tokens and secrets come alive: what is shown once can be copied.
import { copyButtons } from "./copy.js";

document.documentElement.dataset.js = "";
copyButtons();
