// <po-search>: the search of every page. Ctrl-K, Cmd-K or `/` opens it; arrows choose, Enter goes, Escape closes.
//
// A combobox that owns a list box (WAI-ARIA Authoring Practices): the focus stays in the field, and
// aria-activedescendant says which option Enter takes. Without this script its link leads to the page /search.

const PAUSE = 120; // milliseconds without typing before the server is asked

class Search extends HTMLElement {
  connectedCallback() {
    this.link = this.querySelector("a");
    this.dialog = this.querySelector("dialog");
    this.field = this.dialog.querySelector("input");
    this.found = this.dialog.querySelector("[role=listbox]");
    this.told = this.dialog.querySelector("[role=status]");
    this.link.setAttribute("role", "button");
    this.link.setAttribute("aria-haspopup", "dialog");
    this.link.addEventListener("click", (event) => this.open(event));
    this.link.addEventListener("keydown", (event) => event.key === " " && this.open(event));
    this.field.addEventListener("input", () => this.later());
    this.field.addEventListener("keydown", (event) => this.pressed(event));
    this.found.addEventListener("mousemove", (event) => this.choose(event.target.closest("[role=option]")));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    document.addEventListener("keydown", (event) => this.called(event));
  }

  /** Opens for Ctrl-K and Cmd-K, and for `/` where nobody types. */
  called(event) {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    const combined = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k";
    const slash = event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (combined || slash) this.open(event);
  }

  open(event) {
    event.preventDefault();
    if (this.dialog.open || document.querySelector("dialog[open]")) return;
    this.dialog.showModal();
    this.field.select();
    this.ask();
  }

  later() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.ask(), PAUSE);
  }

  /** Shows what fits; an answer that a newer question has overtaken is dropped. */
  async ask() {
    clearTimeout(this.waiting);
    this.asked?.abort();
    const asked = (this.asked = new AbortController());
    const question = new URLSearchParams({ q: this.field.value });
    try {
      const answer = await fetch(`${this.link.href}?${question}`, { headers: { "HX-Request": "true" }, signal: asked.signal });
      if (answer.status === 401) return location.assign(answer.headers.get("HX-Redirect"));
      if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
      const text = await answer.text();
      if (asked.signal.aborted) return;
      this.found.innerHTML = text;
      this.shown = this.field.value;
      const count = this.options().length;
      this.told.textContent = count ? `${count} found` : "Nothing is called like that. A part of a name is enough.";
      this.choose(this.options()[0]);
    } catch (problem) {
      if (problem.name !== "AbortError") this.told.textContent = `The server did not answer: ${problem.message}`;
    }
  }

  options() {
    return [...this.found.querySelectorAll("[role=option]")];
  }

  choose(option) {
    if (!option) return this.options().length || this.field.removeAttribute("aria-activedescendant");
    for (const each of this.options()) each.setAttribute("aria-selected", String(each === option));
    this.field.setAttribute("aria-activedescendant", option.id);
  }

  async pressed(event) {
    const options = this.options();
    const at = options.findIndex((each) => each.getAttribute("aria-selected") === "true");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && options.length) {
      event.preventDefault();
      const next = options[(at + step + options.length) % options.length];
      this.choose(next);
      next.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (this.shown !== this.field.value) await this.ask(); // what was typed last counts
      this.found.querySelector("[aria-selected=true]")?.click();
    }
  }
}
customElements.define("po-search", Search);
