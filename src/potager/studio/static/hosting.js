// Of an endpoint's page: the live chart, fields that make a row, and answers that are shown as they come.

import "./charts.js";
import { made, signed } from "./parts.js";

/** Shows what the server tells of the last two minutes; the chart stays, its data change. */
class Pulse extends HTMLElement {
  connectedCallback() {
    this.addEventListener("htmx:sseBeforeMessage", (event) => {
      event.preventDefault();
      this.querySelector("po-chart")?.show(JSON.parse(event.detail.data));
    });
  }
}
customElements.define("po-pulse", Pulse);

/** A cell of a CSV line. */
function cell(text) {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The form that asks an endpoint. */
class Try extends HTMLElement {
  connectedCallback() {
    this.addEventListener("input", (event) => {
      if (!event.target.matches("[data-column]")) return;
      const cells = [...this.querySelectorAll("[data-column]")].map((each) => cell(each.value));
      this.querySelector("[name=body]").value = cells.join(",");
    });
    this.addEventListener("click", (event) => {
      const button = event.target.closest("[data-stream]");
      if (button) this.stream(button);
    });
  }

  async stream(button) {
    const shown = made("pre", { tabIndex: 0 });
    const told = made("p", { textContent: "Asked; nothing has come yet." });
    this.querySelector("#answer").replaceChildren(told, shown);
    button.disabled = true;
    const begun = performance.now();
    try {
      const answer = await fetch(button.dataset.stream, { method: "POST", headers: signed(), body: new URLSearchParams(new FormData(this.querySelector("#try-form"))) });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let parts = 0;
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        parts += 1;
        shown.append(part.value);
        told.textContent = `${answer.status}, ${parts} part${parts > 1 ? "s" : ""}, ${(performance.now() - begun).toFixed(0)} ms so far`;
      }
      told.textContent = `${answer.status}, ${parts} part${parts === 1 ? "" : "s"} in ${(performance.now() - begun).toFixed(0)} ms`;
      shown.classList.toggle("problem", !answer.ok);
    } catch (error) {
      told.textContent = `The answer broke off: ${error.message}`;
    } finally {
      button.disabled = false;
    }
  }
}
customElements.define("po-try", Try);

/** Weights of two variants by one slider; the numbers are what is sent. */
class Weights extends HTMLElement {
  connectedCallback() {
    this.slider = this.querySelector("[data-slider]");
    if (!this.slider) return;
    this.weights = [...this.querySelectorAll("[data-weight]")];
    this.slider.addEventListener("input", () => {
      const share = Number(this.slider.value);
      [this.weights[0].value, this.weights[1].value] = [100 - share, share];
      this.tell();
    });
    for (const each of this.weights) each.addEventListener("input", () => this.read());
    this.read();
  }

  read() {
    const [one, other] = this.weights.map((each) => Number(each.value) || 0);
    this.slider.value = one + other ? Math.round((100 * other) / (one + other)) : 0;
    this.tell();
  }

  tell() {
    this.querySelector("[data-share]").textContent = `${this.slider.value} %`;
  }
}
customElements.define("po-weights", Weights);
