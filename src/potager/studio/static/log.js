// <po-log src="log.json" search="log-search.json" download="log.txt" stream="..." at="...">: a log, a page at a time.
//
// It begins at the end, or at the time `at`; earlier pages come on request, and what the job prints meanwhile by itself
// until it has ended. At most MOST lines are kept: the oldest pages give way, and can be loaded again.

import { made } from "./parts.js";

const PAUSE = 1000;
const MOST = 10_000;
const BLOCK = 100;
const LEVELS = [
  ["error", /\b(error|exception|fatal|critical|traceback)\b|(Error|Exception)\b/i],
  ["warning", /\bwarn(ing)?\b|Warning\b/i],
];
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hour12: false });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

class Log extends HTMLElement {
  connectedCallback() {
    if (this.body) return;
    this.find = made("input", { type: "search", placeholder: "Search, Enter for the whole log", maxLength: 200 });
    this.find.setAttribute("aria-label", "Search the log");
    this.troubles = made("input", { type: "checkbox" });
    this.follow = made("input", { type: "checkbox", checked: !this.getAttribute("at") });
    this.said = made("p", { className: "quiet" });
    this.said.setAttribute("role", "status");
    this.earlier = made("button", { type: "button", className: "quiet", textContent: "Load earlier lines", hidden: true });
    this.body = made("div");
    this.view = made("div", { className: "log", tabIndex: 0 }, this.body);
    this.view.setAttribute("role", "region");
    this.view.setAttribute("aria-label", document.querySelectorAll("po-log").length > 1 ? `Log of ${this.getAttribute("stream")}` : "Log");
    const file = made("a", { className: "button quiet", textContent: "Download", href: this.address(this.getAttribute("download")) });
    this.append(
      made("div", { className: "row" }, this.find, made("label", { className: "inline" }, this.troubles, "Warnings and errors only"), made("label", { className: "inline" }, this.follow, "Follow the end"), file),
      this.said, this.earlier, this.view,
    );
    this.earlier.addEventListener("click", () => this.back());
    this.find.addEventListener("input", () => this.narrow());
    this.find.addEventListener("keydown", (event) => event.key === "Enter" && this.everywhere());
    this.troubles.addEventListener("change", () => this.narrow());
    this.follow.addEventListener("change", () => this.follow.checked && this.end());
    this.view.addEventListener("wheel", (event) => event.deltaY < 0 && (this.follow.checked = false), { passive: true });
    this.view.addEventListener("keydown", (event) => ["ArrowUp", "PageUp", "Home"].includes(event.key) && (this.follow.checked = false));
    this.grown = new ResizeObserver(() => this.follow.checked && this.end());
    this.grown.observe(this.body);
    this.begin();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.grown?.disconnect();
  }

  address(base, more = {}) {
    return `${base}?${new URLSearchParams({ stream: this.getAttribute("stream"), ...more })}`;
  }

  async ask(more) {
    const answer = await fetch(this.address(this.getAttribute("src"), more));
    if (!answer.ok) throw new Error(`the log could not be fetched (${answer.status})`);
    return answer.json();
  }

  async begin() {
    this.body.replaceChildren();
    this.forward = undefined;
    const at = this.getAttribute("at");
    await this.take(at ? { at } : {});
  }

  /** Takes a page behind what there is, and goes on until the job has ended and nothing follows. */
  async take(more) {
    let again = true;
    try {
      const page = await this.ask(more);
      const moved = page.forward !== this.forward;
      if (!this.body.childElementCount) this.mark(page.backward);
      this.forward = page.forward;
      if (page.events.length) this.add(page);
      again = !page.done || (moved && page.events.length > 0);
      this.setAttribute("loaded", "");
      this.tell(again && !page.done);
      if (again) this.timer = setTimeout(() => this.isConnected && this.take(this.forward ? { token: this.forward } : more), moved && page.events.length ? 0 : PAUSE);
    } catch (error) {
      this.said.textContent = `${error.message}; trying again`;
      this.timer = setTimeout(() => this.isConnected && this.take(more), PAUSE * 3);
    }
  }

  add(page) {
    this.body.append(this.block(page));
    let lines = this.body.querySelectorAll("p").length;
    while (lines > MOST && this.body.childElementCount > 1) {
      lines -= this.body.firstElementChild.querySelectorAll("p").length;
      this.body.firstElementChild.remove();
      this.mark(this.body.firstElementChild.backward);
    }
  }

  /** The page as an element that holds blocks of lines; what is out of sight is not laid out. */
  block(page) {
    const lines = page.events.map(([at, text]) => this.line(at, text));
    const whole = made("div");
    for (let begin = 0; begin < lines.length; begin += BLOCK) whole.append(made("div", { className: "lines" }, ...lines.slice(begin, begin + BLOCK)));
    whole.backward = page.backward;
    return whole;
  }

  line(at, text) {
    const time = made("time", { dateTime: new Date(at).toISOString(), textContent: clock.format(at), title: day.format(at) });
    const line = made("p", {}, time, made("span", { textContent: text }));
    const level = LEVELS.find(([, pattern]) => pattern.test(text))?.[0];
    if (level) {
      line.dataset.level = level;
      line.prepend(made("b", { textContent: level === "error" ? "✗" : "!", title: level }));
    }
    this.judge(line);
    return line;
  }

  /** Where earlier lines would be read from. */
  mark(token) {
    this.backward = token;
    this.earlier.hidden = !token || /^b\/0*\/s$/.test(token);
  }

  async back() {
    this.follow.checked = false;
    const page = await this.ask({ token: this.backward });
    const height = this.view.scrollHeight;
    if (page.events.length) this.body.prepend(this.block(page));
    this.mark(page.backward === this.backward ? "" : page.backward);
    this.view.scrollTop += this.view.scrollHeight - height;
    this.tell();
  }

  /** What the whole log has of the search. */
  async everywhere() {
    const wanted = this.find.value.trim();
    if (!wanted) return;
    clearTimeout(this.timer);
    const answer = await fetch(this.address(this.getAttribute("search"), { q: wanted }));
    const found = await answer.json();
    this.body.replaceChildren(this.block({ events: found.events }));
    this.mark("");
    this.said.textContent = `${found.events.length}${found.more ? " or more" : ""} lines of the whole log have it. Empty the search to see the log again.`;
    this.whole = true;
  }

  judge(line) {
    const wanted = this.find.value.trim().toLowerCase();
    line.hidden = (this.troubles.checked && !line.dataset.level) || (Boolean(wanted) && !this.whole && !line.lastChild.textContent.toLowerCase().includes(wanted));
  }

  narrow() {
    if (this.whole && !this.find.value.trim()) {
      this.whole = false;
      this.begin();
      return;
    }
    for (const line of this.body.querySelectorAll("p")) this.judge(line);
    this.tell();
  }

  tell(live = this.live) {
    this.live = live;
    const all = this.body.querySelectorAll("p").length;
    const hidden = this.body.querySelectorAll("p[hidden]").length;
    const count = hidden ? `${all - hidden} of ${all} loaded lines` : `${all} lines`;
    this.said.textContent = all ? `${count}${live ? "; more come as the job prints them" : ""}` : live ? "It has printed nothing yet." : "Its log is empty.";
  }

  end() {
    this.view.scrollTop = this.view.scrollHeight;
  }
}
customElements.define("po-log", Log);
