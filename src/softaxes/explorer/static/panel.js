// A window of music as a small piano roll: ruled by bars and beats, octaves named, notes marked.

import { isSharp, pitchName } from "./pitch.js";
import { svg } from "./svg.js";

const LEFT = 30, WIDTH = 600, HEIGHT = 300;

// notes: [onset, duration, pitch, mark]; lines: steps where bars begin; low..high: pitches shown.
export function drawPanel(panel, { notes, steps, lines, beat, low, high, label, none }) {
  panel.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  panel.setAttribute("preserveAspectRatio", "none");
  panel.setAttribute("aria-label", label);
  const row = HEIGHT / (high - low + 1), step = (WIDTH - LEFT) / steps;
  const top = (pitch) => (high - pitch) * row;
  const ground = drawGround(panel, { steps, lines, beat, low, high, row, step, top });
  const drawn = [];
  for (const [onset, duration, pitch, mark] of notes) {
    const note = svg("rect", {
      class: `note ${mark}`, x: LEFT + onset * step + 0.8, y: top(pitch) + row * 0.06,
      width: Math.max(2, duration * step - 1.6), height: row * 0.88,
    }, svg("title", {}, `${pitchName(pitch)}, step ${onset + 1}, ${duration} long${mark === "held" ? ", held over from before" : mark ? `, ${mark}` : ""}`));
    Object.assign(note.dataset, { onset, duration, pitch, mark });
    drawn.push(note);
  }
  if (none) drawn.push(svg("text", { class: "none", x: (WIDTH + LEFT) / 2, y: HEIGHT / 2 }, none));
  panel.replaceChildren(ground, ...drawn);
}

// What lies under the notes; the old one is taken again as long as nothing about it changes.
function drawGround(panel, { steps, lines, beat, low, high, row, step, top }) {
  const box = panel.getBoundingClientRect(), key = [steps, lines, beat, low, high, box.width, box.height].join();
  const old = panel.querySelector(".ground");
  if (old?.dataset.key === key) return old;
  const parts = [hatch()];
  for (let pitch = low; pitch <= high; pitch++) {
    if (isSharp(pitch)) parts.push(svg("rect", { class: "sharp", x: LEFT, y: top(pitch), width: WIDTH - LEFT, height: row }));
    if (pitch % 12 === 0) {
      parts.push(svg("line", { class: "octave", x1: LEFT, x2: WIDTH, y1: top(pitch) + row, y2: top(pitch) + row }));
    }
  }
  const first = lines.length ? lines[0] : 0;
  for (let at = ((first % beat) + beat) % beat; at < steps; at += beat) parts.push(upright("beat", LEFT + at * step));
  for (const at of lines) parts.push(upright("bar", LEFT + at * step));
  const ground = svg("g", { class: "ground" }, ...parts, ...pitchNames(box, low, high));
  ground.dataset.key = key;
  return ground;
}

export function movePlayhead(panel, step, steps) {
  panel.querySelector(".playhead")?.remove();
  if (step !== null) panel.append(upright("playhead", LEFT + (step * (WIDTH - LEFT)) / steps));
}

const upright = (name, x) => svg("line", { class: name, x1: x, x2: x, y1: 0, y2: HEIGHT });

function hatch() {
  const pattern = svg("pattern", { id: "hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { class: "hatch-ground", width: 5, height: 5 }), svg("line", { class: "hatch-line", x1: 0, x2: 0, y1: 0, y2: 5 }));
  return svg("defs", {}, pattern);
}

// The drawing is stretched to its box, names must not be: they are scaled back.
function pitchNames(box, low, high) {
  const squeeze = box.width && box.height ? (box.height / HEIGHT) / (box.width / WIDTH) : 1;
  const size = box.height ? HEIGHT / box.height : 1;
  const names = [];
  for (let pitch = Math.ceil(low / 12) * 12; pitch <= high; pitch += 12) {
    const y = Math.max(8 * size, Math.min(HEIGHT - 6 * size, ((high - pitch + 0.5) * HEIGHT) / (high - low + 1)));
    names.push(svg("text", { class: "pitch-name", transform: `translate(4 ${y + 3.5 * size}) scale(${size * squeeze} ${size})` }, pitchName(pitch)));
  }
  return names;
}
