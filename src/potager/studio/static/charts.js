// <po-chart title="Loss" src="/_studio/.../curves.json" refresh="2">: one chart, its data as a table, and both to keep.
//
// The data, from `src` or from a <script type="application/json"> inside:
//   {kind: "lines" | "scatter", x: {name, type: "value" | "time" | "log"}, y: {name, type}, series: [{name, points: [[x, y], ...], dashed}], marks: [{x | y, text}]}
//     of an axis: low, high where it begins and ends
//     of a series of lines: quiet: one to compare with, like: the number of the colour that it shares with others, bare: points without a line, symbol: theirs, step: a line that goes up by steps
//     of a scatter: points may have a name, [x, y, name], and x may have values, which are words
//   {kind: "bars", x: {name, values: [...]}, y: {name}, series: [{name, values: [...]}], across: true for bars that lie}
//   {kind: "heat", x: {name, values}, y: {name, values}, cells: [[column, row, value, text?], ...], low, high}
//   {kind: "parallel", axes: [{name, type: "value" | "log" | "category", values}], rows: [{name, values: [...], best}], shade: the axis that colours}
// With `refresh`, it is asked for again every so many seconds until it says {done: true}. Its height is `style-height`, in
// pixels. Colours are the style sheet's tokens, so that it follows light and dark.

import { made } from "./parts.js";

let library;

/** ECharts, fetched once. */
function echarts() {
  library ??= new Promise((done, failed) => {
    const script = made("script");
    script.src = new URL("./vendor/echarts.min.js", import.meta.url);
    script.onload = () => done(window.echarts);
    script.onerror = () => failed(new Error("the charts' code could not be fetched"));
    document.head.append(script);
  });
  return library;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function colours() {
  return [1, 2, 3, 4, 5, 6, 7, 8].map((each) => token(`series-${each}`));
}

function axis(told, more = {}) {
  const type = told.values ? "category" : told.type || "value";
  return {
    type, name: told.name || "", data: told.values, nameLocation: "middle", nameGap: 30, scale: true, min: told.low, max: told.high,
    nameTextStyle: { color: token("quiet") },
    axisLine: { lineStyle: { color: token("quiet") } },
    axisLabel: { color: token("quiet"), hideOverlap: true },
    splitLine: { show: type !== "category", lineStyle: { color: token("line") } },
    ...more,
  };
}

function marks(data) {
  if (!data.marks?.length) return undefined;
  return {
    symbol: "none", silent: true, lineStyle: { color: token("quiet"), type: "dashed" },
    label: { color: token("quiet"), backgroundColor: token("card"), padding: 2, formatter: (each) => each.data.text, position: "insideEndTop" },
    data: data.marks.map((each) => ("x" in each ? { xAxis: each.x, text: each.text } : { yAxis: each.y, text: each.text })),
  };
}

const KINDS = {
  lines(data) {
    return {
      ...grid(data), xAxis: axis(data.x), yAxis: axis(data.y, { nameGap: 45 }),
      series: data.series.map((each, place) => ({
        type: each.bare ? "scatter" : "line", step: each.step ? "end" : undefined, symbol: each.symbol ?? "circle",
        name: each.name, data: each.points, showSymbol: each.points.length < 40, symbolSize: each.bare || each.points.length === 1 ? 8 : 5,
        color: each.quiet ? token("quiet") : each.like === undefined ? undefined : colours()[each.like % 8],
        lineStyle: { width: each.quiet ? 1 : 2, type: each.dashed ? "dashed" : "solid" }, markLine: place ? undefined : marks(data),
      })),
    };
  },
  scatter(data) {
    const told = KINDS.lines(data);
    for (const each of told.series) {
      Object.assign(each, { type: "scatter", symbolSize: 8, tooltip: { formatter: (point) => named(data, point) } });
    }
    return told;
  },
  bars(data) {
    const [names, values] = [axis(data.x, data.across ? { inverse: true } : {}), axis(data.y, { scale: false })];
    return {
      ...grid(data), xAxis: data.across ? values : names, yAxis: data.across ? { ...names, nameGap: 90 } : values,
      series: data.series.map((each) => ({ type: "bar", name: each.name, data: each.values, barMaxWidth: 40 })),
    };
  },
  heat(data) {
    const values = data.cells.map((each) => each[2]).filter(Number.isFinite);
    const [low, high] = [data.low ?? Math.min(...values), data.high ?? Math.max(...values)];
    const ramp = low < 0 ? [token("series-2"), token("card"), token("series-1")] : [token("card"), token("series-1")];
    return {
      ...grid(data), xAxis: axis(data.x), yAxis: axis(data.y, { inverse: true, nameGap: 70 }),
      visualMap: { min: low, max: high, show: false, dimension: 2, inRange: { color: ramp } },
      series: [{
        type: "heatmap",
        data: data.cells.map((value) => ({ value, label: { color: token(strong(value[2], low, high) ? "card" : "ink") } })),
        label: { show: data.cells.length <= 144, formatter: (each) => each.value[3] ?? short(each.value[2]) },
      }],
    };
  },
  parallel(data) {
    const best = data.rows.filter((each) => each.best);
    const line = (rows, style) => ({
      type: "parallel", name: style.name, lineStyle: style.line, smooth: false, data: rows.map((each) => ({ name: each.name, value: each.values })),
    });
    return {
      parallelAxis: data.axes.map((each, dim) => ({
        ...axis(each, { nameLocation: "end", nameGap: 15, splitLine: undefined }), dim,
      })),
      parallel: { left: 60, right: 60, top: 40, bottom: 30 },
      visualMap: data.shade === undefined ? undefined : shades(data),
      series: [
        line(data.rows.filter((each) => !each.best), { name: "others", line: { width: 1, opacity: 0.45, color: token("series-1") } }),
        line(best, { name: "best", line: { width: 4, opacity: 1, color: token("series-2") } }),
      ],
    };
  },
};

/** Whether a cell's colour is so strong that what stands on it must be light (in the dark: dark). */
function strong(value, low, high) {
  return (low < 0 ? Math.abs(value) / Math.max(-low, high) : (value - low) / (high - low)) > 0.5;
}

/** Colours by the values of one axis: quiet where they are low, strong where they are high, or so that low is strong. */
function shades(data) {
  const values = data.rows.map((each) => each.values[data.shade]).filter(Number.isFinite);
  const colour = [token("line"), token("series-1")];
  return {
    type: "continuous", show: false, dimension: data.shade, seriesIndex: 0, min: Math.min(...values), max: Math.max(...values),
    inRange: { color: data.low ? colour.reverse() : colour },
  };
}

/** What is said of a point: its name, where it has one, and where it stands. */
function named(data, point) {
  const [x, y, name] = point.value;
  return [name ?? point.seriesName, `${data.x.name || "x"} ${short(x)}`, `${data.y.name || "y"} ${short(y)}`].join("\n");
}

function grid(data) {
  const many = (data.series?.length ?? 0) > 1;
  return {
    grid: { left: 20, right: 20, top: many ? 40 : 16, bottom: 16, outerBoundsMode: "same", outerBounds: { left: 4, right: 4, top: many ? 36 : 8, bottom: 4 } },
    legend: many ? { type: "scroll", top: 0, textStyle: { color: token("ink") } } : undefined,
  };
}

function short(value) {
  return typeof value === "number" ? String(+value.toPrecision(4)) : String(value ?? "");
}

/** The data as rows of cells, the heading first. */
function table(data) {
  if (data.kind === "parallel") {
    return [["name", ...data.axes.map((each) => each.name)], ...data.rows.map((each) => [each.name, ...each.values])];
  }
  if (data.kind === "heat") {
    const rows = data.y.values.map((each) => [each, ...data.x.values.map(() => "")]);
    for (const [column, row, value, text] of data.cells) rows[row][column + 1] = text ?? value;
    return [[data.y.name || "row", ...data.x.values], ...rows];
  }
  if (data.kind === "bars") {
    return [[data.x.name || "name", ...data.series.map((each) => each.name)], ...data.x.values.map((each, place) => [each, ...data.series.map((one) => one.values[place])])];
  }
  if (data.kind === "scatter") {
    const heading = ["name", "series", data.x?.name || "x", data.y?.name || "y"];
    return [heading, ...data.series.flatMap((each) => each.points.map(([x, y, name]) => [name ?? "", each.name, x, y]))];
  }
  const rows = new Map();
  data.series.forEach((each, place) => {
    for (const [x, y] of each.points) {
      if (!rows.has(x)) rows.set(x, [x, ...data.series.map(() => "")]);
      rows.get(x)[place + 1] = y;
    }
  });
  return [[data.x?.name || "x", ...data.series.map((each) => each.name)], ...[...rows.values()].sort((one, other) => (one[0] > other[0] ? 1 : -1))];
}

function csv(rows) {
  const cell = (each) => (/[",\n]/.test(each) ? `"${String(each).replaceAll('"', '""')}"` : each);
  return rows.map((each) => each.map(cell).join(",")).join("\n") + "\n";
}

function keep(name, address) {
  made("a", { href: address, download: name }).click();
}

class Chart extends HTMLElement {
  connectedCallback() {
    if (this.figure) return;
    const inside = this.querySelector('script[type="application/json"]');
    this.figure = made("figure");
    this.canvas = made("div", { className: "chart" });
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `${this.title_}: its data are on their way`);
    this.canvas.style.height = `${this.getAttribute("style-height") || 280}px`;
    this.caption = made("figcaption", { textContent: this.title_ });
    this.removeAttribute("title");
    this.details = made("details");
    this.figure.append(this.caption, this.canvas, this.details);
    this.append(this.figure);
    this.watch = new ResizeObserver(() => this.drawn?.resize());
    this.watch.observe(this.canvas);
    this.turned = () => this.draw();
    dark.addEventListener("change", this.turned);
    if (inside) this.show(JSON.parse(inside.textContent));
    else this.ask();
  }

  get title_() {
    this.name ??= this.getAttribute("title") || "Chart";
    return this.name;
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.watch?.disconnect();
    dark.removeEventListener("change", this.turned);
    this.drawn?.dispose();
  }

  async ask() {
    const again = Number(this.getAttribute("refresh"));
    let done = !again;
    try {
      const answer = await fetch(this.getAttribute("src"));
      if (!answer.ok) throw new Error(`${answer.status}`);
      const data = await answer.json();
      done ||= Boolean(data.done);
      await this.show(data);
    } catch (error) {
      this.caption.textContent = `${this.title_}: could not be fetched (${error.message})`;
    }
    if (!done && this.isConnected) this.timer = setTimeout(() => this.ask(), again * 1000);
  }

  async show(data) {
    const text = JSON.stringify(data);
    if (text === this.shown) return;
    this.shown = text;
    this.data = data;
    this.canvas.setAttribute("aria-label", `${this.title_}. Its data stand in the table below.`);
    this.tabulate();
    await this.draw();
  }

  async draw() {
    if (!this.data) return;
    const rows = this.data.series ?? this.data.rows ?? this.data.cells ?? [];
    this.canvas.classList.toggle("none", !rows.length);
    if (!rows.length) {
      this.drawn?.clear();
      return;
    }
    const code = await echarts();
    if (!this.isConnected) return;
    this.drawn ??= code.init(this.canvas, null, { renderer: "canvas" });
    this.drawn.setOption(
      {
        animation: !still.matches, animationDuration: 200, color: colours(), backgroundColor: "transparent",
        textStyle: { fontFamily: getComputedStyle(this).fontFamily, color: token("ink") },
        tooltip: {
          trigger: ["heat", "scatter", "parallel"].includes(this.data.kind) ? "item" : "axis", renderMode: "richText", confine: true,
          backgroundColor: token("card"), borderColor: token("line"), textStyle: { color: token("ink") }, valueFormatter: short,
        },
        ...KINDS[this.data.kind](this.data),
      },
      true,
    );
    this.setAttribute("drawn", "");
  }

  tabulate() {
    const rows = table(this.data);
    const open = this.details.open;
    this.details.replaceChildren();
    this.details.open = open;
    this.details.append(made("summary", { textContent: "Data" }));
    const row = made("p", { className: "row" });
    for (const [label, act] of [
      ["CSV", () => keep(`${this.title_}.csv`, URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv" })))],
      ["PNG", () => keep(`${this.title_}.png`, this.drawn.getDataURL({ pixelRatio: 2, backgroundColor: token("card") }))],
    ]) {
      const button = made("button", { type: "button", className: "quiet", textContent: `Download ${label}` });
      button.addEventListener("click", act);
      row.append(button);
    }
    const scroll = made("div", { className: "scroll", tabIndex: 0 });
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", `${this.title_}, data`);
    const grid = made("table");
    rows.slice(0, 501).forEach((cells, place) => {
      const line = grid.insertRow();
      for (const each of cells) line.append(made(place ? "td" : "th", { textContent: short(each) }));
    });
    scroll.append(grid);
    this.details.append(row, scroll);
  }
}
customElements.define("po-chart", Chart);
