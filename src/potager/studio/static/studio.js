// What every page does: times in the reader's zone, questions before what cannot be undone, code to copy, charts.

import { made } from "./parts.js";

const times = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Shows the times below `root` in the reader's zone; the server wrote them in UTC. */
function local(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    time.title = at.toISOString();
    time.textContent = times.format(at);
  }
}

/** Asks before a form with `data-confirm` is sent. */
function confirming(event) {
  const form = event.target;
  if (!form.dataset.confirm || form.dataset.sure) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  ask(form.dataset.confirm, form.dataset.yes || "Delete").then((sure) => {
    if (!sure) return;
    form.dataset.sure = "yes";
    form.requestSubmit();
    delete form.dataset.sure;
  });
}

/** Whether the reader says yes. The safe answer has the focus. */
function ask(question, yes) {
  const no = made("button", { value: "", textContent: "Cancel", className: "quiet", autofocus: true });
  const go = made("button", { value: "yes", textContent: yes, className: "danger" });
  const row = made("form", { method: "dialog", className: "row" }, no, go);
  const dialog = made("dialog", {}, made("p", { id: "question", textContent: question }), row);
  dialog.setAttribute("aria-labelledby", "question");
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(dialog.returnValue === "yes");
    });
  });
}

/** Code with a button that copies it. */
class Code extends HTMLElement {
  connectedCallback() {
    if (this.querySelector("button")) return;
    const button = made("button", { type: "button", className: "quiet", textContent: "Copy" });
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(this.querySelector("pre").textContent);
      button.textContent = "Copied";
    });
    this.prepend(button);
  }
}
customElements.define("po-code", Code);

/** Fetches the charts' code once a page has one. */
function charted(root) {
  if (root.querySelector("po-chart")) import("./charts.js");
}

/** Says how many rows a search or a filter has left; all of them read out would be too much. */
function told(event) {
  const place = event.detail.target;
  if (!place?.matches("[data-told]")) return;
  const rows = place.querySelectorAll("tbody tr").length;
  document.getElementById("told").textContent = rows ? `${rows} ${rows === 1 ? "row" : "rows"}` : place.innerText.trim().slice(0, 200);
}

function enrich(root) {
  local(root);
  charted(root);
}

document.addEventListener("submit", confirming, true);
document.addEventListener("htmx:load", (event) => enrich(event.detail.elt.parentElement ?? document));
document.addEventListener("htmx:afterSwap", told);
document.addEventListener("htmx:sseMessage", (event) => enrich(event.target));
enrich(document);
