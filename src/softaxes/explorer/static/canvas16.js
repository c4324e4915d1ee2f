// A 16x16 image of 0 and 1: kept as bits, moved with zeros entering, painted with pointer or keys.

export const SIDE = 16, REACH = 4;

export function fromHex(digits) {
  const bits = new Uint8Array(SIDE * SIDE);
  for (let i = 0; i < bits.length; i++) bits[i] = (parseInt(digits[i >> 2], 16) >> (3 - (i & 3))) & 1;
  return bits;
}

export function toHex(bits) {
  let digits = "";
  for (let i = 0; i < bits.length; i += 4) digits += ((bits[i] << 3) | (bits[i + 1] << 2) | (bits[i + 2] << 1) | bits[i + 3]).toString(16);
  return digits;
}

export function moved(bits, row, column) {
  const result = new Uint8Array(bits.length);
  for (let r = 0; r < SIDE; r++) for (let c = 0; c < SIDE; c++) {
    const [y, x] = [r - row, c - column];
    if (y >= 0 && y < SIDE && x >= 0 && x < SIDE) result[r * SIDE + c] = bits[y * SIDE + x];
  }
  return result;
}

export class BlobCanvas {
  constructor(canvas, { onMove, onPaint }) {
    Object.assign(this, { canvas, onMove, onPaint, bits: new Uint8Array(SIDE * SIDE), row: 0, column: 0, painting: false, brush: [8, 8] });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.listen();
  }

  show(bits, row, column) { Object.assign(this, { bits, row, column }); this.draw(); }

  listen() {
    const { canvas } = this;
    let held = null;
    const cell = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientY - box.top, event.clientX - box.left].map((v) => Math.floor((v * SIDE) / box.width));
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      const at = cell(event);
      held = { at, row: this.row, column: this.column, value: this.painting ? 1 - this.pixel(at) : 0 };
      if (this.painting) this.paintAt(at, held.value);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!held) return;
      const at = cell(event);
      if (this.painting) this.paintAt(at, held.value);
      else this.onMove(held.row + at[0] - held.at[0], held.column + at[1] - held.at[1]);
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { held = null; });
    canvas.addEventListener("keydown", (event) => {
      const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (way && !this.painting) this.onMove(this.row + way[0], this.column + way[1]);
      else if (way) { this.brush = this.brush.map((v, i) => Math.max(0, Math.min(SIDE - 1, v + way[i]))); this.draw(); }
      else if (event.key === " " && this.painting) this.paintAt(this.brush, 1 - this.pixel(this.brush));
      else return;
      event.preventDefault();
    });
  }

  pixel([row, column]) { return moved(this.bits, this.row, this.column)[row * SIDE + column] ?? 0; }

  // Painting is on what is seen, so the shift becomes part of the image.
  paintAt([row, column], value) {
    if (row < 0 || row >= SIDE || column < 0 || column >= SIDE) return;
    const seen = moved(this.bits, this.row, this.column);
    seen[row * SIDE + column] = value;
    this.brush = [row, column];
    this.onPaint(seen);
  }

  draw() {
    const { canvas } = this, ratio = devicePixelRatio, size = Math.round(canvas.clientWidth * ratio);
    if (!size) return;
    Object.assign(canvas, { width: size, height: size });
    const pen = canvas.getContext("2d"), style = getComputedStyle(canvas), unit = size / SIDE;
    pen.fillStyle = style.getPropertyValue("--rule");
    for (let i = 1; i < SIDE; i++) { pen.fillRect(i * unit, 0, 1, size); pen.fillRect(0, i * unit, size, 1); }
    pen.fillStyle = style.getPropertyValue("--note");
    moved(this.bits, this.row, this.column).forEach((on, i) => {
      if (on) pen.fillRect((i % SIDE) * unit + 0.5, Math.floor(i / SIDE) * unit + 0.5, unit - 1, unit - 1);
    });
    if (this.painting) {
      pen.strokeStyle = style.getPropertyValue("--focus");
      pen.lineWidth = 2 * ratio;
      pen.strokeRect(this.brush[1] * unit + 1, this.brush[0] * unit + 1, unit - 2, unit - 2);
    }
  }
}
