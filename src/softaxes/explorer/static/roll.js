// The whole song: bars and beats ruled, pitches named, the window in a frame. Click or arrows choose the window,
// drag or wheel scroll, ctrl-wheel or + and - zoom.

import { isSharp, pitchName } from "./pitch.js";

export const LEFT = 34, TOP = 16;

export class SongRoll {
  constructor(canvas, { onWindow, onSecond }) {
    Object.assign(this, { canvas, onWindow, onSecond, song: null, at: 0, steps: 32, second: null, playhead: null });
    this.left = 0;      // first visible step
    this.scale = 6;     // pixels a step
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.listen();
  }

  open(song, steps) {
    Object.assign(this, { song, steps, left: 0, playhead: null });
    const pitches = [...song.notes, ...song.others].map((note) => note[2]);
    this.low = Math.max(0, Math.min(...pitches) - 3);
    this.high = Math.min(127, Math.max(...pitches, this.low + 18) + 3);
    this.scale = Math.max(2, Math.min(14, (this.canvas.clientWidth - LEFT) / (6 * steps)));
    this.canvas.setAttribute("aria-valuemax", this.barName(song.bars.length - 1));
  }

  choose(at, second) {
    this.at = at;
    this.second = second;
    const width = (this.canvas.clientWidth - LEFT) / this.scale;
    if (at < this.left || at + this.steps > this.left + width) this.left = at - (width - this.steps) / 2;
    const bar = this.barOf(at);
    this.canvas.setAttribute("aria-valuenow", this.barName(bar));
    this.canvas.setAttribute("aria-valuetext", `from bar ${this.barName(bar)} of ${this.barName(this.song.bars.length - 1)}`);
    this.draw();
  }

  barOf(step) {
    const later = this.song.bars.findIndex(([start]) => start > step);
    return (later < 0 ? this.song.bars.length : later) - 1;
  }

  barName(index) { return index + this.song.first_bar; }  // a pickup is bar 0

  colourOf() { return null; }  // of a note, by its index; null: as any other

  mark() {}  // what else stands over the notes

  // By bars, or by beats within the song.
  move(direction, byBeat) {
    const bar = this.barOf(this.at), [start] = this.song.bars[bar];
    let to = this.at + direction * this.song.beats[bar];
    if (!byBeat) to = direction > 0 ? this.song.bars[bar + 1]?.[0] : start < this.at ? start : this.song.bars[bar - 1]?.[0];
    if (to !== undefined && to >= 0 && to < this.song.length_steps) this.onWindow(to);
  }

  zoom(factor, around = this.at + this.steps / 2) {
    const before = (around - this.left) * this.scale;
    this.scale = Math.max(0.4, Math.min(40, this.scale * factor));
    this.left = around - before / this.scale;
    this.draw();
  }

  listen() {
    const { canvas } = this;
    let grabbed = null;
    canvas.addEventListener("pointerdown", (event) => { if (this.song) grabbed = { x: event.clientX, left: this.left, moved: false }; });
    canvas.addEventListener("pointermove", (event) => {
      if (!grabbed) return;
      const away = event.clientX - grabbed.x;
      if (!grabbed.moved && Math.abs(away) > 4) { grabbed.moved = true; canvas.setPointerCapture(event.pointerId); }
      if (grabbed.moved) { this.left = grabbed.left - away / this.scale; this.draw(); }
    });
    canvas.addEventListener("pointercancel", () => { grabbed = null; });
    canvas.addEventListener("pointerup", (event) => {
      const clicked = grabbed && !grabbed.moved;
      grabbed = null;
      const step = this.stepAt(event);
      if (!clicked || step < 0 || step >= this.song.length_steps) return;
      const start = this.song.bars[this.barOf(step)][0];
      (event.shiftKey ? this.onSecond : this.onWindow)(start);
    });
    this.listenToWheel();
    canvas.addEventListener("keydown", (event) => {
      if (!this.song) return;
      const act = {
        ArrowLeft: () => this.move(-1, event.shiftKey), ArrowRight: () => this.move(1, event.shiftKey),
        Home: () => this.onWindow(this.song.bars[0][0]), End: () => this.onWindow(this.song.bars.at(-1)[0]),
      }[event.key];
      if (act) { event.preventDefault(); act(); }
    });
  }

  stepAt(event) {
    return this.left + (event.clientX - this.canvas.getBoundingClientRect().left - LEFT) / this.scale;
  }

  listenToWheel() {
    this.canvas.addEventListener("wheel", (event) => {
      if (!this.song || (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY))) return;
      event.preventDefault();
      if (event.ctrlKey) this.zoom(Math.exp(-event.deltaY / 300), this.stepAt(event));
      else { this.left += (event.deltaX || event.deltaY) / this.scale; this.draw(); }
    }, { passive: false });
  }

  showPlayhead(step) {
    this.playhead = step;
    const width = (this.canvas.clientWidth - LEFT) / this.scale;
    if (step !== null && (step < this.left || step > this.left + width * 0.95)) this.left = step - width * 0.05;
    this.draw();
  }

  draw() {
    if (this.song && !this.waiting) {
      this.waiting = true;
      requestAnimationFrame(() => { this.waiting = false; this.paint(); });
    }
  }

  paint() {
    const { canvas, song } = this;
    const width = canvas.clientWidth, height = canvas.clientHeight, ratio = devicePixelRatio;
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    }
    const visible = (width - LEFT) / this.scale;
    this.left = Math.max(0, Math.min(this.left, Math.max(0, song.length_steps + this.steps / 2 - visible)));
    const pen = canvas.getContext("2d"), style = getComputedStyle(canvas);
    const ink = (name) => style.getPropertyValue(name);
    const x = (step) => LEFT + (step - this.left) * this.scale;
    const row = (height - TOP - 4) / (this.high - this.low + 1);
    const y = (pitch) => TOP + (this.high - pitch) * row;
    const box = (colour, ...where) => { pen.fillStyle = colour; pen.fillRect(...where); };
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    for (let pitch = this.low; pitch <= this.high; pitch++) if (isSharp(pitch)) box(ink("--sharp"), LEFT, y(pitch), width, row);
    this.rule(pen, ink, x, width, height);
    this.frame(pen, ink, x, height);
    const plain = ink("--note");
    song.notes.forEach(([onset, duration, pitch], index) => {
      const from = x(onset), wide = duration * this.scale;
      if (from + wide < LEFT || from > width) return;
      box(this.colourOf(index) ?? plain, from + 0.5, y(pitch) + 0.5, Math.max(1, wide - 1), Math.max(1, row - 1));
    });
    this.mark(pen, ink, x, y, row);
    if (this.playhead !== null) box(ink("--focus"), x(this.playhead), 0, 1.5, height);
    box(ink("--card"), 0, 0, LEFT - 1, height);
    pen.fillStyle = ink("--faint");
    pen.font = "10px system-ui, sans-serif";
    for (let pitch = Math.ceil(this.low / 12) * 12; pitch <= this.high; pitch += 12) pen.fillText(pitchName(pitch), 8, y(pitch) + row / 2 + 3.5);
  }

  rule(pen, ink, x, width, height) {
    const every = [1, 2, 4, 8, 16, 32].find((n) => n * (this.song.bars[0]?.[1] ?? 16) * this.scale > 26) ?? 64;
    pen.font = "10px system-ui, sans-serif";
    this.song.bars.forEach(([start, steps], index) => {
      if (x(start + steps) < LEFT || x(start) > width) return;
      const beat = this.song.beats[index];
      pen.fillStyle = ink("--rule");
      if (beat * this.scale > 6) for (let at = start + beat; at < start + steps; at += beat) pen.fillRect(x(at), TOP, 1, height);
      pen.fillStyle = ink("--line");
      if (steps * this.scale > 5) pen.fillRect(x(start), TOP, 1, height);
      pen.fillStyle = ink("--faint");
      if (index % every === 0) pen.fillText(`${this.barName(index)}`, x(start) + 3, 11);
    });
  }

  frame(pen, ink, x, height) {
    const wide = this.steps * this.scale;
    if (this.second !== null) {
      pen.setLineDash([4, 3]);
      pen.strokeStyle = ink("--faint");
      pen.strokeRect(x(this.second) + 0.5, TOP - 1, wide, height - TOP - 1);
      pen.setLineDash([]);
    }
    pen.globalAlpha = 0.1;
    pen.fillStyle = ink("--focus");
    pen.fillRect(x(this.at), TOP - 2, wide, height);
    pen.globalAlpha = 1;
    pen.strokeStyle = ink("--focus");
    pen.lineWidth = 1.5;
    pen.strokeRect(x(this.at) + 0.5, TOP - 1, wide, height - TOP - 1);
    pen.lineWidth = 1;
  }
}
