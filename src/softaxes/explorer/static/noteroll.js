// The song's roll with notes that can be chosen: by dragging a box, by clicking, or with the arrow keys; the notes of
// motifs wear their motif's colour, the occurrences of the one that is shown stand in frames. Notes that the model does
// not hear (other voices) are drawn faintly under the others, and only motifs have them.

import { motifColour } from "./colours.js";
import { LEFT, SongRoll, TOP } from "./roll.js";

export class NoteRoll extends SongRoll {
  constructor(canvas, { onChosen, onMotif, onSearch }) {
    super(canvas, {});
    Object.assign(this, { onChosen, onMotif, onSearch, all: [], owner: [], shown: -1, frames: [], chosen: new Set(), cursor: -1, anchor: -1, box: null, choosing: false });
  }

  open(song, steps) {
    super.open(song, steps);
    const all = [...song.notes, ...song.others];
    Object.assign(this, { all, owner: all.map(() => -1), shown: -1, frames: [], chosen: new Set(), cursor: -1, anchor: -1 });
    this.draw();
  }

  // Motifs, best first: a note belongs to the first that holds it.
  colour(motifs) {
    this.owner.fill(-1);
    this.held = motifs.map(({ occurrences }) => occurrences.map(({ held }) => held.filter((i) => i >= 0)));
    this.held.forEach((occurrences, motif) => occurrences.flat().forEach((i) => { if (this.owner[i] < 0) this.owner[i] = motif; }));
    this.draw();
  }

  showMotif(motif) {
    this.shown = motif;
    this.frames = motif < 0 ? [] : this.held[motif];
    this.framed = new Set(this.frames.flat());
    this.draw();
  }

  choose(indices) {
    this.chosen = new Set(indices);
    this.draw();
    this.onChosen([...this.chosen].sort((a, b) => a - b));
  }

  reveal(step, wide = 0) {
    const visible = (this.canvas.clientWidth - LEFT) / this.scale;
    if (step < this.left || step + wide > this.left + visible) this.left = step - Math.max(0, visible - wide) / 2;
    this.draw();
  }

  // ---------------------------------------------------------------- by hand

  listen() {
    const { canvas } = this;
    const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    let held = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (!this.song) return;
      const [x, y] = at(event), pans = y < TOP || (event.pointerType === "touch" && !this.choosing);
      held = { x, y, left: this.left, moved: false, pans, adds: event.shiftKey };
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!held) return;
      const [x, y] = at(event);
      if (!held.moved && Math.hypot(x - held.x, y - held.y) < 4) return;
      if (!held.moved) canvas.setPointerCapture(event.pointerId);
      held.moved = true;
      if (held.pans) this.left = held.left - (x - held.x) / this.scale;
      else this.box = [Math.min(x, held.x), Math.min(y, held.y), Math.max(x, held.x), Math.max(y, held.y)];
      this.draw();
    });
    canvas.addEventListener("pointercancel", () => { held = this.box = null; this.draw(); });
    canvas.addEventListener("pointerup", (event) => {
      const { box } = this, was = held;
      held = this.box = null;
      if (!was) return;
      if (box) this.choose([...(was.adds ? this.chosen : []), ...this.within(box)]);
      else if (!was.moved) this.click(this.noteAt(...at(event)), was.adds);
    });
    this.listenToWheel();
    canvas.addEventListener("keydown", (event) => {
      if (!this.song) return;
      const act = {
        ArrowLeft: () => this.step(-1, event.shiftKey), ArrowRight: () => this.step(1, event.shiftKey),
        Home: () => this.step(-Infinity, event.shiftKey), End: () => this.step(Infinity, event.shiftKey),
        Enter: () => this.onSearch(), Escape: () => this.choose([]),
      }[event.key];
      if (act) { event.preventDefault(); act(); }
    });
  }

  click(note, adds) {
    const heard = note >= 0 && note < this.song.notes.length;
    if (!heard && (adds || note < 0)) return adds ? null : this.choose([]);
    if (!heard) return this.owner[note] >= 0 ? this.onMotif(this.owner[note], note) : this.choose([]);
    this.cursor = this.anchor = note;
    if (adds) this.choose(this.chosen.has(note) ? [...this.chosen].filter((i) => i !== note) : [...this.chosen, note]);
    else if (this.owner[note] >= 0) this.onMotif(this.owner[note], note);
    else this.choose([note]);
    return null;
  }

  step(by, extends_) {
    const last = this.song.notes.length - 1;
    if (last < 0) return;
    const begin = this.cursor < 0 ? this.firstVisible() - Math.sign(by) : this.cursor;
    this.cursor = Math.max(0, Math.min(last, begin + by));
    if (!extends_ || this.anchor < 0) this.anchor = this.cursor;
    const [low, high] = [Math.min(this.anchor, this.cursor), Math.max(this.anchor, this.cursor)];
    this.choose(Array.from({ length: high - low + 1 }, (_, k) => low + k));
    const [onset, duration] = this.song.notes[this.cursor];
    this.reveal(onset, duration);
  }

  firstVisible() {
    return Math.max(0, this.song.notes.findIndex(([onset]) => onset >= this.left));
  }

  // ---------------------------------------------------------------- where notes are

  place([onset, duration, pitch]) {
    const row = (this.canvas.clientHeight - TOP - 4) / (this.high - this.low + 1), x = LEFT + (onset - this.left) * this.scale;
    const y = TOP + (this.high - pitch) * row;
    return [x, y, x + Math.max(3, duration * this.scale), y + row];
  }

  within([left, top, right, bottom], notes = this.song.notes) {
    return notes.flatMap((note, i) => {
      const [x, y, end, under] = this.place(note);
      return end > left && x < right && under > top && y < bottom ? [i] : [];
    });
  }

  noteAt(x, y) {
    return this.within([x - 2, y - 2, x + 2, y + 2], this.all)[0] ?? -1;  // what is heard comes first
  }

  // ---------------------------------------------------------------- what is drawn

  colourOf(index) {
    const motif = this.owner[index];
    if (this.shown >= 0) return this.framed.has(index) ? motifColour(this.shown) : null;
    return motif >= 0 ? motifColour(motif) : null;
  }

  // There is no window here, but other voices.
  frame(pen, ink, x) {
    const { width, height } = this.canvas.getBoundingClientRect(), heard = this.song.notes.length, plain = ink("--other");
    for (let index = heard; index < this.all.length; index++) {
      const [from, top, end, under] = this.place(this.all[index]);
      if (end < LEFT || from > width || top > height) continue;
      pen.fillStyle = this.colourOf(index) ?? plain;
      pen.fillRect(from + 0.5, top + 0.5, Math.max(1, end - from - 1), Math.max(1, under - top - 1));
    }
  }

  mark(pen, ink) {
    pen.lineWidth = 1.5;
    this.frames.forEach((notes, number) => {
      if (!notes.length) return;
      const boxes = notes.map((i) => this.place(this.all[i]));
      const [x, y, end, under] = [0, 1, 2, 3].map((side) => Math[side < 2 ? "min" : "max"](...boxes.map((box) => box[side])));
      if (end < LEFT || x > this.canvas.clientWidth) return;
      pen.strokeStyle = motifColour(this.shown);
      pen.strokeRect(x - 3, y - 3, end - x + 6, under - y + 6);
      pen.fillStyle = ink("--ink");
      pen.fillText(`${number + 1}`, x - 2, Math.max(TOP + 9, y - 6));
    });
    pen.strokeStyle = ink("--ink");
    for (const i of this.chosen) { const [x, y, end, under] = this.place(this.song.notes[i]); pen.strokeRect(x + 0.5, y - 0.5, end - x - 1, under - y + 1); }
    if (this.cursor >= 0 && document.activeElement === this.canvas) {
      const [x, , end, under] = this.place(this.song.notes[this.cursor]);
      pen.fillStyle = ink("--focus");
      pen.fillRect(x, under + 2, end - x, 2.5);
    }
    if (this.box) {
      const [x, y, end, under] = this.box;
      pen.setLineDash([4, 3]);
      pen.strokeRect(x, y, end - x, under - y);
      pen.setLineDash([]);
    }
    pen.lineWidth = 1;
  }
}
