// The Report page: a run's figures, with markers to move over them.

import { ask, say } from "./api.js";
import { readState, writeState } from "./address.js";
import { Chart, number, percent, plain, ticks } from "./charts.js";
import { svg } from "./svg.js";

const find = (id) => document.getElementById(id);
const view = { reports: [], report: null, sweep: null, part: "all", kind: { move: "", success: "", suite: "" }, suite: 0 };
const share = (value) => percent(value < 9.95 ? Number(value.toFixed(1)) : Math.round(value));

async function start() {
  view.reports = await ask("/api/reports");
  const names = view.reports.map(({ name, about }) => Object.assign(document.createElement("option"), { value: name, textContent: about ? name : `${name} (no report yet)` }));
  find("report").replaceChildren(...names);
  listen();
  await restore();
}

async function restore() {
  const { report, part = "all", kind = "", suite = 0, against } = readState();
  const chosen = view.reports.find(({ name }) => name === report) ?? view.reports[0];
  Object.assign(view, { part, suite: Number(suite) || 0, kind: { move: kind, success: kind, suite: kind } });
  await open(chosen);
  if (against && view.sweep) { find("sweep-figure").value = against; drawSweep(); }
}

async function open(chosen) {
  view.report = view.sweep = null;
  const swept = chosen?.about === "sweep" ? chosen : view.reports.find(({ about }) => about === "sweep");
  if (chosen?.about) view.report = await ask("/api/reports", { name: chosen.name });
  if (swept) view.sweep = (swept === chosen ? view.report : await ask("/api/reports", { name: swept.name })).sweep;
  find("report").value = chosen?.name ?? "";
  find("empty").hidden = Boolean(chosen?.about);
  find("empty-text").textContent = chosen ? `No report of ${chosen.name} yet. This command makes one in a few minutes:` : "There is no run to report on.";
  find("empty-command").textContent = chosen?.command ?? "softaxes explore RUN";
  showAll(chosen);
  document.body.dataset.shown = chosen?.name ?? "nothing";
}

function showAll(chosen) {
  find("all").hidden = false;  // all at once: charts need their size, and nothing jumps
  const { report, sweep } = view, drawn = report?.redraw;
  const { windows, songs, corpus, n } = report?.settings ?? {};
  const judged = windows ? `judged on ${windows.toLocaleString()} windows of ${songs} songs of ${corpus} that training never saw` : n ? `judged on ${n.toLocaleString()} fresh images` : "";
  find("about").textContent = report ? [`${report.name}`, judged || (sweep ? `${sweep.weights.length} weights, ${sweep.seeds} seeds each` : "")].filter(Boolean).join(": ") : "";
  const shows = { cosines: drawn?.cosines, moves: drawn?.moves?.length, success: drawn?.success?.length, sweep, suite: report?.suites?.length };
  for (const [name, there] of Object.entries(shows)) find(`${name}-section`).hidden = !there;
  if (report && !drawn && report.about !== "sweep") say(`this report was made before pictures could be redrawn: ${chosen.command}`, 12);
  if (shows.cosines) setUpCosines();
  if (shows.moves) setUpCurves("move", drawn.moves, drawMoves);
  if (shows.success) setUpCurves("success", drawn.success, drawSuccess);
  if (sweep) setUpSweep();
  if (shows.suite) setUpSuite();
}

function remember(step = true) {
  const { kind, part, suite } = view;
  writeState({ report: find("report").value, part: part === "all" ? "" : part, kind: kind.suite, suite, against: view.sweep && find("sweep-figure").selectedIndex > 0 ? find("sweep-figure").value : "" }, step);
}

// A row of buttons of which one is pressed; values that are kinds wear their colour.
function buildSwitch(place, values, chosen, onChoose) {
  const buttons = values.map(([value, text]) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text, className: `kind-${value}` });
    button.setAttribute("aria-pressed", String(value === chosen));
    button.addEventListener("click", () => {
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      onChoose(value);
    });
    return button;
  });
  place.replaceChildren(...(values.length > 1 ? buttons : []));
}

function read(place, rows) {
  place.replaceChildren(...rows.map(([className, words, value]) => {
    const item = document.createElement("li"), key = document.createElement("i"), bold = document.createElement("b");
    key.className = className.includes("opposite") ? "opposite" : className.includes("stroke") ? "stroke" : "";
    item.className = className;
    bold.textContent = value;
    item.append(...(className === "plain" ? [] : [key]), `${words} `, bold);
    return item;
  }));
}

// ------------------------------------------------------------------ cosines

const PAIR = { cross: () => "two kinds", same: (kind) => `${kind}, same sign`, opposite: (kind) => `${kind}, opposite signs`, circle: (kind) => `${kind}, a circle`, cycle: (kind) => `${kind}, a cycle` };

function setUpCosines() {
  const parts = Object.keys(view.report.redraw.cosines.parts);
  if (!parts.includes(view.part)) view.part = "all";
  buildSwitch(find("cosine-parts"), parts.map((part) => [part, part]), view.part, (part) => { view.part = part; remember(); drawCosines(); });
  drawCosines();
}

function drawCosines() {
  const { chance, parts } = view.report.redraw.cosines, groups = parts[view.part].filter(({ counts }) => counts.some(Boolean));
  const bins = groups[0]?.counts.length ?? 50, edge = (k) => -1 + (2 * k) / bins;
  const shares = groups.map(({ counts }) => { const sum = counts.reduce((a, b) => a + b, 0); return counts.map((c) => (100 * c) / sum); });
  const highest = Math.max(5, ...shares.flat());
  const chart = new Chart(find("cosines"), { x: [-1, 1], y: [0, highest], xTicks: [-1, -0.5, 0, 0.5, 1], yTicks: ticks(0, highest, 4), xName: "cosine of two differences", yName: "pairs in each bin, %" });
  const marked = Number(find("cosine-marker").value);
  groups.forEach((group, g) => shares[g].forEach((value, k) => { if (value) chart.bar(edge(k), edge(k + 1), value, `kind-${group.kind} ${group.relation}${k === marked ? " lit" : ""}`); }));
  chart.upright(chance, "chance");
  chart.text("chance", chart.x(chance) - 4, 24, "end");
  chart.upright((edge(marked) + edge(marked + 1)) / 2, "mark");
  chart.show(`histograms of cosines: ${groups.map((g) => PAIR[g.relation](g.kind)).join("; ")}; chance ${number(chance)}`);
  const between = `${number(edge(marked)).slice(0, -1)} … ${number(edge(marked + 1)).slice(0, -1)}`;
  find("cosine-marker").setAttribute("aria-valuetext", `cosine ${between}`);
  read(find("cosine-read"), [["plain", "cosine", between], ...groups.map((g, i) => [`kind-${g.kind} ${g.relation}`, PAIR[g.relation](g.kind), share(shares[i][marked])])]);
}

// ------------------------------------------------------------------ curves by amount

function setUpCurves(what, rows, draw) {
  const kinds = rows.map(({ kind }) => kind);
  if (!kinds.includes(view.kind[what])) view.kind[what] = kinds[0];
  const choose = (kind) => {
    view.kind[what] = kind;
    const { amount, counts } = rows.find((row) => row.kind === kind), length = (amount ?? counts).length;
    Object.assign(find(`${what}-marker`), { max: length - 1, value: amount ? length - 1 : length / 2 });
    draw(rows.find((row) => row.kind === kind));
  };
  buildSwitch(find(`${what}-kinds`), kinds.map((kind) => [kind, kind]), view.kind[what], choose);
  choose(view.kind[what]);
}

const curve = (what) => view.report.redraw[what === "move" ? "moves" : what].find(({ kind }) => kind === view.kind[what]);
const signed = (value) => (value > 0 ? `+${value}` : plain(value));

function drawMoves(row) {
  const { kind, unit, amount, low, median, high, period, counts } = row, marked = Number(find("move-marker").value);
  if (period) return drawPhase(row, marked);
  const ends = [Math.min(...amount, ...low), Math.max(...amount, ...high)];
  const chart = new Chart(find("moves"), { x: [amount[0], amount.at(-1)], y: ends, xTicks: ticks(amount[0], amount.at(-1), 6), yTicks: ticks(...ends, 5), xName: `shift, ${unit}`, yName: `moved along the axis, ${unit}` });
  chart.line(amount, amount, "exact");
  chart.band(amount, low, high, `kind-${kind}`);
  chart.line(amount, median, `kind-${kind}`);
  chart.upright(amount[marked], "mark");
  chart.dot(amount[marked], median[marked], 4, `kind-${kind}`);
  chart.show(`how far each shift of ${kind} moved the coordinate`);
  find("move-marker").setAttribute("aria-valuetext", `${amount[marked]} ${unit}`);
  read(find("move-read"), [["plain", `shifted by ${signed(amount[marked])} ${unit}, the coordinate moved by`, signed(Number(median[marked].toFixed(2)))], ["plain", "nine of ten between", `${signed(Number(low[marked].toFixed(2)))} and ${signed(Number(high[marked].toFixed(2)))}`]]);
  find("moves-how").textContent = `How to read it: the line is the median over held-out items, the band holds the middle 90 %. On the dashed line a shift by so many ${unit} moves the ${kind} coordinate by just as many: the axis is calibrated.`;
  return null;
}

function drawPhase({ kind, unit, period, counts }, marked) {
  const sum = counts.reduce((a, b) => a + b, 0), shares = counts.map((c) => (100 * c) / sum), wide = period / counts.length, edge = (k) => -period / 2 + k * wide;
  const chart = new Chart(find("moves"), { x: [-period / 2, period / 2], y: [0, Math.max(...shares)], xTicks: ticks(-period / 2, period / 2, 6), yTicks: ticks(0, Math.max(...shares), 4), xName: `error of the phase, ${unit}`, yName: "views in each bin, %" });
  shares.forEach((value, k) => chart.bar(edge(k), edge(k + 1), value, `kind-${kind}${k === marked ? " lit" : ""}`));
  chart.level(100 / counts.length, "chance");
  chart.text("chance", chart.width - 14, chart.y(100 / counts.length) - 5, "end");
  chart.upright(edge(marked) + wide / 2, "mark");
  chart.show(`errors of the ${kind} phase after a shift`);
  const between = `${signed(Number(edge(marked).toFixed(2)))} … ${signed(Number(edge(marked + 1).toFixed(2)))}`;
  find("move-marker").setAttribute("aria-valuetext", `error ${between} ${unit}`);
  const within = shares.reduce((total, value, k) => total + (Math.abs(edge(k) + wide / 2) <= 1 ? value : 0), 0);
  read(find("move-read"), [["plain", `error ${between} ${unit}:`, share(shares[marked])], ["plain", "within one step of the right phase:", share(within)], ["plain", "chance:", share((100 * shares.filter((_, k) => Math.abs(edge(k) + wide / 2) <= 1).length) / counts.length)]]);
  find("moves-how").textContent = `How to read it: a shift should turn ${kind} by just as many ${unit}, ${plain(period)} to a turn. The error is where it stands instead; one peak at 0 is right, an even floor at the dashed line is chance.`;
  return null;
}

function drawSuccess({ kind, unit, amount, methods, chance, candidates }) {
  const marked = Number(find("success-marker").value), names = Object.keys(methods);
  const chart = new Chart(find("success"), { x: [amount[0], amount.at(-1)], y: [0, 100], xTicks: ticks(amount[0], amount.at(-1), 6), yTicks: [0, 25, 50, 75, 100], xName: `shift, ${unit}`, yName: "nearest is the right one, %" });
  const style = (k) => (k === 0 ? `kind-${kind}` : `control${k > 1 ? " second" : ""}`);
  names.forEach((name, k) => chart.line(amount, methods[name].map((v) => 100 * v), style(k)));
  chart.level(100 * chance, "chance");
  chart.text("chance", chart.width - 14, chart.y(100 * chance) - 5, "end");
  chart.upright(amount[marked], "mark");
  chart.show(`how often the operator of ${kind} finds the right window, by amount`);
  find("success-marker").setAttribute("aria-valuetext", `${amount[marked]} ${unit}`);
  read(find("success-read"), [["plain", `shift ${signed(amount[marked])} ${unit}`, ""], ...names.map((name, k) => [k === 0 ? `kind-${kind}` : "stroke", name, share(100 * methods[name][marked])]), ["plain", "chance", share(100 * chance)]]);
  find("success-how").textContent = `How to read it: z is moved along ${kind}; is the nearest of ${candidates} windows, all shifted by that same amount, the right one? The broken lines are controls: z as it was, and as long a step in a random direction.`;
}

// ------------------------------------------------------------------ the sweep

function setUpSweep() {
  const { figures, weights } = view.sweep, select = find("sweep-figure"), before = select.value;
  select.replaceChildren(...figures.slice(1).map(({ key, words }) => Object.assign(document.createElement("option"), { value: key, textContent: words })));
  if (figures.some(({ key }) => key === before)) select.value = before; else select.selectedIndex = 0;
  Object.assign(find("sweep-marker"), { max: weights.length - 1, value: Math.max(0, weights.indexOf(1)) });
  drawSweep();
}

const tell = ({ reading }) => reading.replaceAll("^2", "²");
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

function drawSweep() {
  const { weights, figures } = view.sweep, bought = figures[0], paid = figures.find(({ key }) => key === find("sweep-figure").value) ?? figures[1], marked = Number(find("sweep-marker").value);
  const [xs, ys] = [bought, paid].map(({ values }) => values.map(mean));
  const room = (values) => { const flat = values.flat(), [low, high] = [Math.min(...flat), Math.max(...flat)], edge = 0.08 * (high - low || 1); return [low - edge, high + edge]; };
  const [x, y] = [room(bought.values), room(paid.values)];
  const chart = new Chart(find("sweep"), { x, y, xTicks: ticks(...x, 5), yTicks: ticks(...y, 5), xName: bought.words, yName: paid.words });
  chart.line(xs, ys, "control");
  bought.values.forEach((seeds, k) => seeds.forEach((value, s) => chart.dot(value, paid.values[k][s], 2.6, "seed")));
  xs.forEach((value, k) => { chart.dot(value, ys[k], k === marked ? 6 : 3.6, k === marked ? "at" : ""); chart.text(plain(weights[k]), chart.x(value) + 8, chart.y(ys[k]) - 6, k === marked ? "start at" : "start"); });
  chart.upright(xs[marked], "mark");
  chart.show(`${paid.words} against ${bought.words}, by weight`);
  const shown = ({ values }) => { const all = values[marked], m = number(mean(all)); return all.length > 1 ? `${m} [${number(Math.min(...all))}, ${number(Math.max(...all))}]` : m; };
  find("sweep-marker").setAttribute("aria-valuetext", `weight ${weights[marked]}`);
  read(find("sweep-read"), [["plain", "weight", plain(weights[marked])], ...figures.map((f) => ["plain", `${f.words}:`, shown(f)])]);
  find("sweep-how").textContent = `How to read it: each small dot is a run, each large one the mean of a weight's seeds; 1 is the recipe. Along: ${tell(bought)}. Upwards: ${tell(paid)}. The method can be tuned as far as this curve is not one point.`;
}

// ------------------------------------------------------------------ the suite

function setUpSuite() {
  const { suites } = view.report;
  if (!suites[view.suite]) view.suite = 0;
  find("suite").replaceChildren(...suites.map(({ title }, value) => Object.assign(document.createElement("option"), { value, textContent: title })));
  find("suite").value = view.suite;
  drawSuite();
}

function drawSuite() {
  const { rows, columns } = view.report.suites[view.suite], kinds = [...new Set(rows.map(({ kind }) => kind))].filter(Boolean);
  if (!kinds.includes(view.kind.suite)) view.kind.suite = "";
  buildSwitch(find("suite-kinds"), [["", "all"], ...kinds.map((kind) => [kind, kind])], view.kind.suite, (kind) => { view.kind.suite = kind; remember(); drawSuite(); });
  const chosen = rows.filter(({ kind, part }) => part === "all" && (!view.kind.suite || kind === view.kind.suite));
  find("rows").replaceChildren(...chosen.map((row) => buildRow(row, columns, rows.filter((r) => r.part !== "all" && r.words === row.words && r.kind === row.kind))));
}

// `parts`: the same figure of the clipped and of the unclipped shifts alone.
function buildRow(row, columns, parts) {
  const element = document.createElement("div"), make = (className, ...parts) => { const cell = document.createElement("div"); cell.className = className; cell.append(...parts); return cell; };
  const small = (text) => Object.assign(document.createElement("small"), { textContent: text });
  const [first, ...others] = columns, [value, low, high] = row.values[first];
  element.className = `figure-row kind-${row.kind}`;
  const bold = Object.assign(document.createElement("b"), { textContent: number(value) });
  const interval = low === null ? "" : `[${number(low)}, ${number(high)}]`;
  const beside = others.filter((name) => row.values[name]).map((name) => `${name} ${number(row.values[name][0])}`);
  if (row.chance !== null) beside.push(`chance ${number(row.chance)}`);
  for (const part of parts) beside.push(`${part.part} ${number(part.values[first]?.[0])}`);
  element.append(
    make("words", row.kind ? `${row.words}: ${row.kind}` : row.words, small(`n = ${row.n.toLocaleString()}`)),
    make("value", bold, small(interval)),
    drawScale(row, columns),
    make("reading hint", row.reading.replaceAll("^2", "²").replaceAll(" -", " −"), small(beside.join(" · "))),
  );
  return element;
}

// From end to end of what is seen: values, chance, the best, and the figure's own bounds where they are near.
function drawScale(row, [first, ...others]) {
  const seen = [row.chance, row.best, ...Object.values(row.values).flat()].filter((v) => v !== null && v !== undefined);
  let [low, high] = [Math.min(...seen), Math.max(...seen)];
  if (row.low !== null && row.high !== null && row.high - row.low <= 2) [low, high] = [row.low === -1 && low >= 0 ? 0 : row.low, row.high];
  const x = (value) => 8 + (184 * (Math.max(low, Math.min(high, value)) - low)) / (high - low || 1);
  const [value, from, to] = row.values[first], parts = [svg("line", { class: "rail", x1: 8, x2: 192, y1: 12, y2: 12 })];
  if (from !== null && value !== null) parts.push(svg("line", { class: "interval", x1: x(from), x2: x(to), y1: 12, y2: 12 }));
  if (row.chance !== null) parts.push(svg("line", { class: "chance", x1: x(row.chance), x2: x(row.chance), y1: 4, y2: 20 }));
  if (row.best !== null) parts.push(svg("path", { class: "best", d: `M${x(row.best)} 16 l4 7 h-8 z` }));
  for (const name of others) if (row.values[name]?.[0] !== undefined && row.values[name][0] !== null) parts.push(svg("circle", { class: "control", cx: x(row.values[name][0]), cy: 12, r: 3.2 }, svg("title", {}, `${name} ${number(row.values[name][0])}`)));
  if (value !== null) parts.push(svg("circle", { class: "dot", cx: x(value), cy: 12, r: 4.4 }));
  return svg("svg", { class: "scale", viewBox: "0 0 200 24", preserveAspectRatio: "xMinYMid meet", "aria-hidden": "true" }, ...parts);
}

// ------------------------------------------------------------------ events

const redraws = { cosine: ["cosines", () => drawCosines()], move: ["moves", () => drawMoves(curve("move"))], success: ["success", () => drawSuccess(curve("success"))], sweep: ["sweep", () => drawSweep()] };

function listen() {
  find("report").addEventListener("change", (event) => {
    view.suite = 0;
    open(view.reports.find(({ name }) => name === event.target.value)).then(() => remember()).catch((error) => say(error.message, 12));
  });
  for (const [name, [, redraw]] of Object.entries(redraws)) find(`${name}-marker`).addEventListener("input", redraw);
  find("sweep-figure").addEventListener("change", () => { drawSweep(); remember(); });
  find("suite").addEventListener("change", (event) => { view.suite = Number(event.target.value); view.kind.suite = ""; drawSuite(); remember(); });
  addEventListener("popstate", () => restore().catch((error) => say(error.message)));
  addEventListener("resize", () => { if (find("all").hidden || !(view.report || view.sweep)) return; for (const [section, redraw] of Object.values(redraws)) if (!find(`${section}-section`).hidden) redraw(); });
}

start().catch((error) => { find("empty").hidden = false; find("empty-text").textContent = error.message; find("all").hidden = true; document.body.dataset.shown = "nothing"; });
