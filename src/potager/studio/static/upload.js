// Files sent to a bucket: dropped, alone or in folders, or chosen. Each has its line, with progress and what to do.
//
//   <po-upload action="/_studio/data/claims" prefix="2024/">   small files are one PUT, large ones are sent in parts
//
// Three are sent at a time. A request that the network loses is sent again; one that is refused says why.

import { made, signed } from "./parts.js";

const TOGETHER = 3;
const PART = 16 * 2 ** 20;
const MOST_PARTS = 10_000;
const TRIES = 4;
const SHOWN = 200;

class Refused extends Error {
  constructor(status, told) {
    super(told.message || `The server answered ${status}.`);
    this.status = status;
    this.code = told.code;
  }
}

/** One file on its way, and its line. */
class Sending {
  constructor(owner, file, key) {
    Object.assign(this, { owner, file, key, replace: false, requests: new Set() });
    this.line = made("li", { className: "sending" });
    this.name = made("span", { className: "name", textContent: key.slice(owner.folder.length) });
    this.bar = made("progress", { max: 1, value: 0 });
    this.bar.setAttribute("aria-label", `Sent of ${this.name.textContent}`);
    this.said = made("span", { className: "said", textContent: "waits" });
    this.buttons = made("span", { className: "row" });
    this.line.append(this.name, this.bar, this.said, this.buttons);
    this.offer("Cancel", () => this.cancel());
  }

  offer(label, act, ...others) {
    const button = made("button", { type: "button", className: "quiet", textContent: label });
    button.setAttribute("aria-label", `${label} ${this.name.textContent}`);
    button.addEventListener("click", act);
    this.buttons.replaceChildren(button);
    for (const [text, then] of others) {
      const more = made("button", { type: "button", className: "quiet", textContent: text });
      more.setAttribute("aria-label", `${text} ${this.name.textContent}`);
      more.addEventListener("click", then);
      this.buttons.append(more);
    }
  }

  address(path, more = {}) {
    const query = new URLSearchParams({ key: this.key, ...(this.replace ? { replace: "yes" } : {}), ...more });
    return `${this.owner.getAttribute("action")}/${path}?${query}`;
  }

  progress(sent) {
    const share = this.file.size ? sent / this.file.size : 1;
    this.bar.value = share;
    this.said.textContent = `${Math.floor(share * 100)} %`;
  }

  async send() {
    this.state = "sending";
    try {
      await (this.file.size > PART ? this.inParts() : this.whole());
      if (this.state !== "sending") return;
      this.state = "done";
      this.bar.value = 1;
      this.said.textContent = "sent";
      this.buttons.replaceChildren();
    } catch (error) {
      if (this.state !== "sending") return;
      this.state = "failed";
      this.bar.value = 0;
      if (error.code === "NoSuchUpload") this.upload = this.parts = undefined;
      this.said.textContent = error.message;
      const again = (replace) => () => {
        this.replace = replace;
        this.owner.queue(this);
      };
      if (error.code === "PreconditionFailed") this.offer("Replace", again(true), ["Leave", () => this.cancel()]);
      else this.offer("Try again", again(this.replace), ["Leave", () => this.cancel()]);
    }
  }

  whole() {
    return this.request("PUT", this.address("upload"), this.file, (sent) => this.progress(sent));
  }

  async inParts() {
    const size = Math.max(PART, Math.ceil(this.file.size / MOST_PARTS));
    this.upload ??= (await this.request("POST", this.address("uploads"), null)).UploadId;
    this.parts ??= [];
    for (let number = this.parts.length + 1; (number - 1) * size < this.file.size; number += 1) {
      const start = (number - 1) * size;
      const piece = this.file.slice(start, start + size);
      const where = this.address("uploads/part", { upload: this.upload, number });
      this.parts.push((await this.request("PUT", where, piece, (sent) => this.progress(start + sent))).ETag);
      if (this.state !== "sending") return;
    }
    const where = this.address("uploads/complete", { upload: this.upload });
    await this.request("POST", where, JSON.stringify({ parts: this.parts }));
    this.upload = undefined;
  }

  /** The answer to a request, which is sent again where the network or the server fails for a moment. */
  async request(method, address, content, told) {
    for (let tried = 1; ; tried += 1) {
      try {
        return await this.once(method, address, content, told);
      } catch (error) {
        if (this.state !== "sending" || tried === TRIES || (error.status && error.status < 500)) throw error;
        await new Promise((done) => setTimeout(done, 250 * 2 ** tried));
      }
    }
  }

  once(method, address, content, told) {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      this.requests.add(request);
      request.open(method, address);
      for (const [name, value] of Object.entries(signed())) request.setRequestHeader(name, value);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      if (/^[\w.+-]+\/[\w.+-]+$/.test(this.file.type)) request.setRequestHeader("X-Content-Type", this.file.type);
      if (told) request.upload.addEventListener("progress", (event) => told(event.loaded));
      request.addEventListener("loadend", () => {
        this.requests.delete(request);
        if (!request.status) return failed(new Error("The connection was lost."));
        const answer = parsed(request);
        return request.status < 300 && answer.message === undefined ? done(answer) : failed(new Refused(request.status, answer));
      });
      request.send(content);
    });
  }

  cancel() {
    this.state = "left";
    for (const request of this.requests) request.abort();
    if (this.upload) fetch(this.address("uploads", { upload: this.upload }), { method: "DELETE", headers: signed() });
    this.line.remove();
    this.owner.next();
  }
}

/** The answer's JSON. Who is signed out is led to a page, which has none. */
function parsed(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    const message = request.status < 300 ? "You are signed out. Sign in in another tab, and try again." : request.responseText;
    return { code: "SignedOut", message: message.slice(0, 200) };
  }
}

class Upload extends HTMLElement {
  connectedCallback() {
    if (this.ready) return;
    this.ready = true;
    this.waiting = [];
    this.under = new Set();
    this.folder = decodeURIComponent(this.getAttribute("prefix") ?? "");
    this.list = made("ul", { className: "plain" });
    this.told = made("p", { className: "quiet" });
    this.told.setAttribute("role", "status");
    this.append(this.told, this.list);
    for (const input of this.querySelectorAll("input[type=file]")) {
      input.addEventListener("change", () => {
        this.take([...input.files].map((file) => [file, file.webkitRelativePath || file.name]));
        input.value = "";
      });
    }
    for (const button of this.querySelectorAll("button[data-opens]")) {
      button.addEventListener("click", () => this.querySelector(button.dataset.opens).click());
    }
    // Anywhere on the page: a browser would open what is dropped beside.
    document.addEventListener("dragover", (event) => this.over(event, true));
    document.addEventListener("dragleave", (event) => this.over(event, event.relatedTarget !== null));
    document.addEventListener("drop", (event) => {
      this.over(event, false);
      this.dropped(event.dataTransfer);
    });
    window.addEventListener("beforeunload", (event) => {
      if (this.under.size || this.waiting.length) event.preventDefault();
    });
  }

  over(event, inside) {
    event.preventDefault();
    this.classList.toggle("over", inside);
  }

  /** Takes what was dropped; entries must be asked for before the first wait. */
  async dropped(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
    for (const entry of entries) {
      if (entry instanceof File) this.take([[entry, entry.name]]);
      else for await (const found of walked(entry, entry.name)) this.take([found]);
    }
  }

  take(files) {
    for (const [file, path] of files) this.queue(new Sending(this, file, this.folder + path));
  }

  queue(sending) {
    sending.state = "waiting";
    sending.said.textContent = "waits";
    sending.offer("Cancel", () => sending.cancel());
    if (!sending.line.isConnected && this.list.childElementCount < SHOWN) this.list.append(sending.line);
    this.waiting.push(sending);
    this.total = (this.total ?? 0) + 1;
    this.next();
  }

  next() {
    this.waiting = this.waiting.filter((each) => each.state === "waiting");
    while (this.under.size < TOGETHER && this.waiting.length) {
      const sending = this.waiting.shift();
      this.under.add(sending);
      if (!sending.line.isConnected) this.list.append(sending.line);
      sending.send().finally(() => this.ended(sending));
    }
    this.count();
  }

  ended(sending) {
    this.under.delete(sending);
    this.sent = (this.sent ?? 0) + (sending.state === "done" ? 1 : 0);
    if (sending.state === "done" && this.list.childElementCount > SHOWN / 2) sending.line.remove();
    this.next();
    if (!this.under.size && !this.waiting.length && this.sent) {
      this.sent = 0;
      window.htmx.ajax("GET", window.location.pathname + window.location.search, { target: "#rows" });
    }
  }

  count() {
    const left = this.under.size + this.waiting.length;
    const failed = [...this.list.children].some((line) => line.querySelector("button"));
    this.told.textContent = left ? `${left} left to send` : failed || !this.list.childElementCount ? "" : "All sent";
  }
}
customElements.define("po-upload", Upload);

/** The files in a dropped entry, with their paths, folder by folder. */
async function* walked(entry, path) {
  if (entry.isFile) {
    yield [await new Promise((done, failed) => entry.file(done, failed)), path];
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const found = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!found.length) return;
    for (const each of found) yield* walked(each, `${path}/${each.name}`);
  }
}
