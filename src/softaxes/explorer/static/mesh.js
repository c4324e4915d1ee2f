// The latents of the 9x9 shifts as a mesh: neighbours are joined, the two arms of pure shifts wear their kind's colour.

import { svg } from "./svg.js";

const N = 9, MIDDLE = 4, SIZE = 240, EDGE = 32;

export function drawMesh(drawing, { places, clipped, row, column, named }) {
  const reach = Math.max(1e-9, ...places.flat().map(Math.abs));
  const scale = (SIZE / 2 - EDGE) / reach;
  const at = (i, j) => { const [x, y] = places[N * i + j]; return [SIZE / 2 + x * scale, SIZE / 2 + y * scale]; };
  const line = (name, points) => svg("polyline", { class: name, points: points.map((p) => p.join()).join(" ") });
  const along = (f) => Array.from({ length: N }, (_, k) => f(k));
  const parts = [];
  for (let k = 0; k < N; k++) parts.push(line("mesh", along((i) => at(i, k))), line("mesh", along((j) => at(k, j))));
  parts.push(line("arm kind-pitch", along((i) => at(i, MIDDLE))), line("arm kind-time", along((j) => at(MIDDLE, j))));
  for (let i = 0; i < N; i++) for (let j = 0; j < N; j++) {
    const arm = j === MIDDLE ? " on-arm kind-pitch" : i === MIDDLE ? " on-arm kind-time" : "";
    const [cx, cy] = at(i, j);
    parts.push(svg("circle", { class: `shift${arm}${clipped[N * i + j] ? " clipped" : ""}`, cx, cy, r: arm ? 3 : 1.8 }));
  }
  const [cx, cy] = at(row + MIDDLE, column + MIDDLE);
  parts.push(svg("circle", { class: "here", cx, cy, r: 6.5 }));
  if (named) parts.push(nameArm("pitch", [at(0, MIDDLE), at(N - 1, MIDDLE)]), nameArm("time", [at(MIDDLE, 0), at(MIDDLE, N - 1)]));
  drawing.setAttribute("viewBox", `0 0 ${SIZE} ${SIZE}`);
  drawing.replaceChildren(...parts);
}

// Beyond the arm's outer end, where nothing else is.
function nameArm(kind, ends) {
  const away = ([x, y]) => Math.hypot(x - SIZE / 2, y - SIZE / 2);
  const [x, y] = away(ends[0]) > away(ends[1]) ? ends[0] : ends[1], far = away([x, y]) || 1;
  const place = (v, gap) => Math.max(14, Math.min(SIZE - 14, v + (gap * (v - SIZE / 2)) / far));
  return svg("text", { class: `axis-name kind-${kind}`, x: place(x, 20), y: place(y, 13) + 3 }, kind);  // words are wider than high
}
