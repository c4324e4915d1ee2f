// Axes and marks of a small chart, drawn at the size of its box so that letters keep theirs.

import { svg } from "./svg.js";

const LEFT = 46, RIGHT = 12, TOP = 14, BOTTOM = 40;

export class Chart {
  // x, y: [low, high]; ticks: values; format: of ticks.
  constructor(drawing, { x, y, xTicks, yTicks, xName, yName, xFormat = plain, yFormat = plain }) {
    const box = drawing.getBoundingClientRect();
    Object.assign(this, { drawing, width: box.width || 600, height: box.height || 260, parts: [] });
    this.x = (value) => LEFT + ((value - x[0]) / (x[1] - x[0])) * (this.width - LEFT - RIGHT);
    this.y = (value) => this.height - BOTTOM - ((value - y[0]) / (y[1] - y[0])) * (this.height - TOP - BOTTOM);
    const [bottom, top] = y.map(this.y), [left, right] = x.map(this.x);
    for (const value of yTicks) {
      this.add("line", { class: "grid", x1: left, x2: right, y1: this.y(value), y2: this.y(value) });
      this.text(yFormat(value), left - 6, this.y(value) + 3.5, "tick end");
    }
    for (const value of xTicks) {
      this.add("line", { class: "tick-line", x1: this.x(value), x2: this.x(value), y1: bottom, y2: bottom + 4 });
      this.text(xFormat(value), this.x(value), bottom + 16, "tick");
    }
    this.add("line", { class: "axis-line", x1: left, x2: right, y1: bottom, y2: bottom });
    this.text(xName, (left + right) / 2, bottom + 33, "name");
    this.text(yName, left, top - 4, "name start");
  }

  add(name, attributes, ...children) {
    const element = svg(name, attributes, ...children);
    this.parts.push(element);
    return element;
  }

  text(words, x, y, name) { return this.add("text", { class: name, x, y }, words); }

  line(xs, ys, name) {
    const points = xs.flatMap((x, i) => (ys[i] === null ? [] : [`${this.x(x)},${this.y(ys[i])}`])).join(" ");
    return this.add("polyline", { class: `line ${name}`, points });
  }

  band(xs, lows, highs, name) {
    const there = xs.map((x, i) => `${this.x(x)},${this.y(highs[i])}`), back = xs.map((x, i) => `${this.x(x)},${this.y(lows[i])}`).reverse();
    return this.add("polygon", { class: `band ${name}`, points: [...there, ...back].join(" ") });
  }

  bar(low, high, value, name) {
    const y = this.y(value), base = this.y(0);
    return this.add("rect", { class: `bar ${name}`, x: this.x(low), y, width: Math.max(0.5, this.x(high) - this.x(low)), height: Math.max(0, base - y) });
  }

  dot(x, y, r, name) { return this.add("circle", { class: `dot ${name}`, cx: this.x(x), cy: this.y(y), r }); }

  upright(x, name) { return this.add("line", { class: name, x1: this.x(x), x2: this.x(x), y1: TOP, y2: this.height - BOTTOM }); }

  level(y, name) { return this.add("line", { class: name, x1: LEFT, x2: this.width - RIGHT, y1: this.y(y), y2: this.y(y) }); }

  show(label) {
    this.drawing.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.drawing.setAttribute("aria-label", label);
    this.drawing.replaceChildren(...this.parts);
  }
}

// Round numbers from low to high, about `count` of them.
export function ticks(low, high, count = 5) {
  const rough = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9; k++) found.push(Math.round(k * step * 1e9) / 1e9);
  return found;
}

export const plain = (value) => String(value).replace("-", "−");
export const percent = (value) => `${value} %`;

// Three decimals for what is small, fewer above; a dash for nothing.
export function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value), text = value.toLocaleString("en", { minimumFractionDigits: size < 10 ? 3 : size < 1000 ? 1 : 0, maximumFractionDigits: size < 10 ? 3 : size < 1000 ? 1 : 0 });
  return text.replace(/^-(?=[0.]*$)/, "").replace("-", "−");
}
