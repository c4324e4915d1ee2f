// Where a latent stands on each axis: a ruler for a line, a clock for a circle or for the slowest turn of a cycle.
// Hollow: the window. Filled, in the kind's colour: steered. Dark: where the true edit stands.

import { svg } from "./svg.js";

export function buildDials(place, kinds) {
  const homes = ["rulers", "clocks"].map((className) => Object.assign(document.createElement("div"), { className }));
  place.append(...homes);
  const drawings = kinds.map((kind) => {
    const drawing = svg("svg", { viewBox: kind.geometry === "line" ? "0 0 260 56" : "0 0 110 110", role: "img" });
    const caption = document.createElement("figcaption");
    const figure = document.createElement("figure");
    figure.className = `kind-${kind.name}`;
    figure.append(drawing, caption);
    homes[kind.geometry === "line" ? 0 : 1].append(figure);
    return (coordinate) => {
      const words = sentence(kind, coordinate);
      caption.replaceChildren(...words.flatMap((part) => [Object.assign(document.createElement("span"), { textContent: part }), " "]));
      drawing.setAttribute("aria-label", words.join(" "));
      drawing.replaceChildren(...(kind.geometry === "line" ? ruler : clock)(kind, coordinate));
    };
  });
  return (coordinates) => kinds.forEach((kind, index) => drawings[index](coordinates[kind.name]));
}

const tenth = (value) => value.toFixed(1).replace("-", "−");

function sentence(kind, { at, moved, true: truth }) {
  const parts = [`${kind.name} ${tenth(at)} → ${tenth(moved)}`];
  return truth === null ? parts : [...parts, `(true ${tenth(truth)})`];
}

function ruler(kind, { at, moved, true: truth }) {
  const reach = 2 * kind.reach;
  const x = (value) => 130 + (118 * Math.max(-reach, Math.min(reach, value))) / reach;
  const every = reach > 20 ? 12 : 4;
  const parts = [svg("line", { class: "dial-rule", x1: 12, x2: 248, y1: 26, y2: 26 })];
  for (let value = -Math.floor(reach / every) * every; value <= reach; value += every) {
    parts.push(svg("line", { class: "dial-tick", x1: x(value), x2: x(value), y1: 22, y2: 30 }));
    parts.push(svg("text", { class: "dial-text", x: x(value), y: 48 }, value > 0 ? `+${value}` : `${value}`.replace("-", "−")));
  }
  parts.push(svg("line", { class: "dial-arc", x1: x(at), x2: x(moved), y1: 26, y2: 26 }));
  if (truth !== null) parts.push(svg("line", { class: "dial-true", x1: x(truth), x2: x(truth), y1: 9, y2: 36 }));
  parts.push(svg("circle", { class: "dial-at", cx: x(at), cy: 26, r: 4.2 }));
  parts.push(svg("circle", { class: "dial-moved", cx: x(moved), cy: 26, r: 5 }));
  return parts;
}

function clock(kind, { at, moved, true: truth }) {
  const place = (value, radius) => {
    const angle = (2 * Math.PI * value) / kind.period - Math.PI / 2;
    return [55 + radius * Math.cos(angle), 55 + radius * Math.sin(angle)];
  };
  const stroke = (name, value, from, to) => {
    const [[x1, y1], [x2, y2]] = [place(value, from), place(value, to)];
    return svg("line", { class: name, x1, y1, x2, y2 });
  };
  const dot = (name, value, r) => {
    const [cx, cy] = place(value, 38);
    return svg("circle", { class: name, cx, cy, r });
  };
  const parts = [svg("circle", { class: "dial-rule", cx: 55, cy: 55, r: 38 })];
  for (let step = 0; step < kind.period; step++) {
    const beat = step % 4 === 0;
    parts.push(stroke("dial-tick", step, beat ? 33 : 36, 38));
    if (beat) {
      const [x, y] = place(step, 49);
      parts.push(svg("text", { class: "dial-text", x, y: y + 3 }, `${step}`));
    }
  }
  if (truth !== null) parts.push(stroke("dial-true", truth, 16, 44));
  parts.push(dot("dial-at", at, 4.2), stroke("dial-arc", moved, 4, 34), dot("dial-moved", moved, 5.2));
  return parts;
}
