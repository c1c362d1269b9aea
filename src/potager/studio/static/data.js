// Rows that are selected together.

/** A form with a table whose rows can be selected; its button says how many are. */
class Selection extends HTMLElement {
  connectedCallback() {
    if (this.ready) return;
    this.ready = true;
    this.addEventListener("change", (event) => {
      if ("all" in event.target.dataset) for (const box of this.boxes) box.checked = event.target.checked;
      this.count();
    });
    this.count();
  }

  get boxes() {
    return this.querySelectorAll("tbody input[type=checkbox]");
  }

  count() {
    const chosen = [...this.boxes].filter((box) => box.checked);
    const folders = chosen.filter((box) => box.name === "folder").length;
    const all = this.querySelector("[data-all]");
    all.checked = chosen.length > 0 && chosen.length === this.boxes.length;
    all.indeterminate = chosen.length > 0 && !all.checked;
    const button = this.querySelector("[data-remove]");
    button.disabled = !chosen.length;
    button.textContent = chosen.length ? `Delete ${chosen.length} selected` : "Delete";
    const parts = [];
    if (chosen.length > folders) parts.push(plural(chosen.length - folders, "object"));
    if (folders) parts.push(`all that is in ${plural(folders, "folder")}`);
    this.querySelector("form").dataset.confirm = `Delete ${parts.join(", and ")}? ${this.getAttribute("warning") ?? ""}`;
  }
}
customElements.define("po-selection", Selection);

function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
