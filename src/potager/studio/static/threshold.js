// <po-threshold>: what a binary model's counts, precision and recall come to at the threshold that the reader chooses.
//
// Its data, in a <script type="application/json"> inside: caught and fallen, the shares of the positives and of the
// negatives that score at least threshold; positives and negatives, how many there are; classes, [negative, positive];
// chosen, the model's own threshold. Each stop of the slider is a point of the curve, so that the figures are exact.

import { made } from "./parts.js";

const show = (value) => (Number.isFinite(value) ? String(+value.toPrecision(4)) : "none");

class Threshold extends HTMLElement {
  connectedCallback() {
    if (this.slider) return;
    this.data = JSON.parse(this.querySelector("script").textContent);
    const stops = this.data.threshold.length;
    this.slider = made("input", { type: "range", min: 0, max: stops - 1, step: 1 });
    this.slider.value = stops - 1 - this.place(this.data.chosen);
    const label = made("label", { textContent: "Threshold " });
    this.now = made("output");
    label.append(this.now, this.slider);
    this.table = made("table");
    const scroll = made("div", { className: "scroll", tabIndex: 0 });
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "At this threshold");
    scroll.append(this.table);
    this.append(label, scroll);
    this.slider.addEventListener("input", () => this.tell());
    this.tell();
  }

  /** The lowest stop of the curve that lies above a threshold. */
  place(threshold) {
    return Math.max(0, this.data.threshold.findLastIndex((each) => each === null || each > threshold));
  }

  tell() {
    const { caught, fallen, threshold, positives, negatives, classes } = this.data;
    const at = threshold.length - 1 - Number(this.slider.value);
    const [hits, alarms] = [caught[at] * positives, fallen[at] * negatives];
    const [precision, recall] = [hits / (hits + alarms), caught[at]];
    const said = threshold[at] === null ? "above every score" : show(threshold[at]);
    this.now.textContent = said;
    this.slider.setAttribute("aria-valuetext", `${said}: precision ${show(precision)}, recall ${show(recall)}`);
    const rows = [
      ["", `said ${classes[1]}`, `said ${classes[0]}`],
      [`is ${classes[1]}`, show(hits), show(positives - hits)],
      [`is ${classes[0]}`, show(alarms), show(negatives - alarms)],
    ];
    const figures = [["Precision", precision], ["Recall", recall], ["F1", (2 * hits) / (hits + alarms + positives)], ["Accuracy", (hits + negatives - alarms) / (positives + negatives)], ["False positive rate", fallen[at]]];
    rows.forEach((row, place) => row.push("", ...(figures[place] ? [figures[place][0], show(figures[place][1])] : [])));
    for (const [name, value] of figures.slice(rows.length)) rows.push(["", "", "", "", name, show(value)]);
    this.table.replaceChildren(...rows.map((row) => this.row(row)));
  }

  row(cells) {
    const row = made("tr");
    cells.forEach((text, place) => {
      const head = place === 0 || place === 4 || cells[0] === "" && place < 3;
      const cell = made(head && text ? "th" : "td", { textContent: text });
      if (place !== 0 && place !== 4) cell.className = "number";
      row.append(cell);
    });
    return row;
  }
}
customElements.define("po-threshold", Threshold);
