// Many points on a canvas: written pixel by pixel into one image, so 100,000 pan and zoom without a graphics card.

export class PointMap {
  constructor(canvas, { onHover, onOpen, onLasso }) {
    Object.assign(this, { canvas, onHover, onOpen, onLasso, xs: new Float32Array(), ys: new Float32Array(), colours: new Uint32Array() });
    Object.assign(this, { centre: [0, 0], scale: [1, 1], near: -1, lassoing: false, path: null, chosen: new Set() });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.listen();
  }

  show(xs, ys, colours, keepView) {
    Object.assign(this, { xs, ys, colours, near: -1 });
    if (!keepView) { this.chosen.clear(); this.whole(); }
    this.draw();
  }

  whole() {
    const ends = [this.xs, this.ys].map((values) => {
      let [low, high] = [Infinity, -Infinity];
      for (const v of values) { if (v < low) low = v; if (v > high) high = v; }
      return low <= high ? [low, high] : [0, 1];
    });
    const size = [this.canvas.clientWidth || 800, this.canvas.clientHeight || 500];
    this.centre = ends.map(([low, high]) => (low + high) / 2);
    this.scale = ends.map(([low, high], i) => (0.88 * size[i]) / (high - low || 1));
    this.draw();
  }

  zoom(factor, [px, py] = [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2]) {
    const before = this.toData(px, py);
    this.scale = this.scale.map((s) => s * factor);
    const after = this.toData(px, py);
    this.centre = this.centre.map((c, i) => c + before[i] - after[i]);
    this.draw();
  }

  pan(dx, dy) {
    this.centre = [this.centre[0] - dx / this.scale[0], this.centre[1] + dy / this.scale[1]];
    this.draw();
  }

  toData(px, py) {
    return [this.centre[0] + (px - this.canvas.clientWidth / 2) / this.scale[0], this.centre[1] - (py - this.canvas.clientHeight / 2) / this.scale[1]];
  }

  toPixel(i) {
    return [(this.xs[i] - this.centre[0]) * this.scale[0] + this.canvas.clientWidth / 2, (this.centre[1] - this.ys[i]) * this.scale[1] + this.canvas.clientHeight / 2];
  }

  nearest(px, py, within = 14) {
    const [x, y] = this.toData(px, py), [sx, sy] = this.scale;
    let best = -1, least = within * within;
    for (let i = 0; i < this.xs.length; i++) {
      const dx = (this.xs[i] - x) * sx, dy = (this.ys[i] - y) * sy, d = dx * dx + dy * dy;
      if (d < least) { least = d; best = i; }
    }
    return best;
  }

  point(near) {
    if (near === this.near) return;
    this.near = near;
    this.draw();
    this.onHover(near, near < 0 ? null : this.toPixel(near));
  }

  listen() {
    const { canvas } = this;
    const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    let held = null;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      held = { last: at(event), moved: false };
      this.path = this.lassoing || event.shiftKey ? [at(event)] : null;
    });
    canvas.addEventListener("pointermove", (event) => {
      const [x, y] = at(event);
      if (!held) return this.point(this.nearest(x, y));
      const [dx, dy] = [x - held.last[0], y - held.last[1]];
      if (!held.moved && Math.hypot(dx, dy) < 4) return;
      held.moved = true;
      held.last = [x, y];
      if (this.path) { this.path.push([x, y]); this.draw(); } else this.pan(dx, dy);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (held && !held.moved) { const i = this.nearest(...at(event)); if (i >= 0) this.onOpen(i); }
      else if (held && this.path) this.catchIn(this.path);
      held = this.path = null;
      this.draw();
    });
    canvas.addEventListener("pointerleave", () => { if (!held) this.point(-1); });
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); this.zoom(Math.exp(-event.deltaY / 400), at(event)); }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const act = {
        ArrowLeft: () => this.pan(40, 0), ArrowRight: () => this.pan(-40, 0), ArrowUp: () => this.pan(0, 40), ArrowDown: () => this.pan(0, -40),
        "+": () => this.zoom(1.3), "-": () => this.zoom(1 / 1.3), Enter: () => { if (this.near >= 0) this.onOpen(this.near); },
      }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
      if (event.key !== "Enter") this.point(this.nearest(canvas.clientWidth / 2, canvas.clientHeight / 2, 1e6));
    });
  }

  // The `count` points nearest to the middle of what is seen: a lasso for the keyboard.
  catchNear(count) {
    const [x, y] = this.centre, [sx, sy] = this.scale;
    const far = Float32Array.from(this.xs, (value, i) => ((value - x) * sx) ** 2 + ((this.ys[i] - y) * sy) ** 2);
    const caught = [...far.keys()].sort((a, b) => far[a] - far[b]).slice(0, count);
    this.chosen = new Set(caught);
    this.draw();
    this.onLasso(caught);
  }

  catchIn(path) {
    const area = new Path2D();
    path.forEach(([x, y], i) => (i ? area.lineTo(x, y) : area.moveTo(x, y)));
    area.closePath();
    const pen = this.canvas.getContext("2d"), caught = [];
    pen.setTransform(1, 0, 0, 1, 0, 0);
    for (let i = 0; i < this.xs.length; i++) if (pen.isPointInPath(area, ...this.toPixel(i))) caught.push(i);
    this.chosen = new Set(caught);
    this.onLasso(caught);
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.paint(); });
  }

  paint() {
    const { canvas } = this, ratio = devicePixelRatio;
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d"), image = pen.createImageData(width, height), pixels = new Uint32Array(image.data.buffer);
    const radius = Math.max(1, Math.round(ratio * (this.xs.length > 20000 ? 1 : 2)));
    const [sx, sy] = this.scale.map((s) => s * ratio), [cx, cy] = this.centre, { xs, ys, colours } = this;
    for (let i = 0; i < xs.length; i++) {
      const px = Math.round((xs[i] - cx) * sx + width / 2), py = Math.round((cy - ys[i]) * sy + height / 2);
      if (px < radius || py < radius || px >= width - radius || py >= height - radius) continue;
      for (let y = py - radius; y <= py + radius; y++) pixels.fill(colours[i], y * width + px - radius, y * width + px + radius + 1);
    }
    pen.putImageData(image, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.strokeStyle = getComputedStyle(canvas).getPropertyValue("--ink");
    for (const i of this.chosen) { const [x, y] = this.toPixel(i); pen.strokeRect(x - 4, y - 4, 8, 8); }
    if (this.near >= 0) { const [x, y] = this.toPixel(this.near); pen.lineWidth = 2; pen.beginPath(); pen.arc(x, y, 7, 0, 7); pen.stroke(); pen.lineWidth = 1; }
    if (this.path) { pen.setLineDash([4, 3]); pen.beginPath(); this.path.forEach(([x, y]) => pen.lineTo(x, y)); pen.stroke(); pen.setLineDash([]); }
  }
}
