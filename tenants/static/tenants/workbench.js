// The editor page comes alive: every part finds its own data- hooks, and the page works without any of them.
import { rememberDrafts } from "./drafts.js";
import { showDifferences } from "./answers.js";
import { copyAs } from "./copy-as.js";
import { copyButtons } from "./copy.js";
import { fileList } from "./files.js";
import { jumpToErrors } from "./jump.js";
import { merging } from "./merge.js";
import { keys } from "./keys.js";
import { rememberPlace } from "./place.js";
import { requests } from "./requests.js";
import { tabs } from "./tabs.js";
import { watchForChanges } from "./changes.js";

document.documentElement.dataset.js = "";
customElements.whenDefined("code-editor").then(() => {
  const form = document.querySelector("#code");
  const files = fileList(form);
  const changes = watchForChanges(form);
  rememberDrafts(form, files, changes);
  requests(form, changes);
  merging(form, files, changes);
  rememberPlace(form, files);
  jumpToErrors(files);
  performance.mark("interactive");
});
keys();
copyButtons();
copyAs();
tabs();
showDifferences();
