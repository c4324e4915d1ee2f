// The Blobs page: one blob, every toy model's picture of its shifts.

import { ask, latest, say } from "./api.js";
import { readState, writeState } from "./address.js";
import { BlobCanvas, REACH, SIDE, fromHex, toHex } from "./canvas16.js";
import { drawMesh } from "./mesh.js";

const find = (id) => document.getElementById(id);
const view = { bits: new Uint8Array(SIDE * SIDE), row: 0, column: 0, by: "axes", cards: [] };
let blob;

async function start() {
  blob = new BlobCanvas(find("blob"), { onMove: move, onPaint: (bits) => { take(bits); } });
  listen();
  const { models } = await ask("/api/blobs");
  view.cards = models.map(buildCard);
  await restore();
}

function buildCard(name) {
  const figure = document.createElement("figure"), heading = document.createElement("h2"), caption = document.createElement("figcaption");
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("role", "img");
  heading.textContent = name;
  figure.dataset.model = name;
  figure.append(heading, drawing, caption);
  find("models").append(figure);
  return { name, drawing, caption, answer: null };
}

async function restore() {
  const { image, row = 0, column = 0, by = "axes" } = readState();
  const digits = /^[0-9a-f]{64}$/.test(image ?? "") ? image : (await ask("/api/blobs", { seed: 1617 })).image;
  setView(by);
  take(fromHex(digits), Number(row), Number(column));
}

function take(bits, row = 0, column = 0) {
  Object.assign(view, { bits, row: bound(row), column: bound(column) });
  remember();
  encode();
}

const bound = (v) => Math.max(-REACH, Math.min(REACH, Math.round(v) || 0));

function move(row, column) {
  Object.assign(view, { row: bound(row), column: bound(column) });
  remember();
  draw();
}

function remember() {
  blob.show(view.bits, view.row, view.column);
  writeState({ image: toHex(view.bits), row: view.row, column: view.column, by: view.by === "axes" ? "" : view.by });
}

const encode = latest(async () => {
  const image = toHex(view.bits);
  await Promise.all(view.cards.map(async (card) => { card.answer = await ask("/api/blobs", { model: card.name, image }); }));
  draw();
  document.body.dataset.shown = image;
});

function draw() {
  const words = (value, [positive, negative]) => (value === 0 ? "" : `${Math.abs(value)} ${value > 0 ? positive : negative}`);
  const place = [words(view.row, ["down", "up"]), words(view.column, ["right", "left"])].filter(Boolean).join(", ");
  find("blob-place").textContent = place ? `moved ${place}` : "not moved";
  for (const { drawing, caption, answer, name } of view.cards) {
    if (!answer) continue;
    const { cosines, share } = answer;
    drawMesh(drawing, { places: answer[view.by], clipped: answer.clipped, row: view.row, column: view.column, named: view.by === "axes" });
    const figure = (label, value) => `${label} ${value === null ? "–" : value.toFixed(2).replace("-", "−")}`;
    const text = [figure("same", cosines.same), figure("opposite", cosines.opposite), figure("cross", cosines.cross)].join(" · ");
    caption.textContent = `cosines of this blob's differences: ${text}; two directions hold ${Math.round(100 * share)} %`;
    drawing.setAttribute("aria-label", `${name}: ${caption.textContent}`);
  }
}

function setView(by) {
  view.by = by === "own" ? "own" : "axes";
  find("by-axes").setAttribute("aria-pressed", String(view.by === "axes"));
  find("by-own").setAttribute("aria-pressed", String(view.by === "own"));
}

function setTool(painting) {
  blob.painting = painting;
  find("blob").classList.toggle("painting", painting);
  find("move").setAttribute("aria-pressed", String(!painting));
  find("paint").setAttribute("aria-pressed", String(painting));
  blob.draw();
}

async function another() {
  const { image } = await ask("/api/blobs", { seed: Math.floor(Math.random() * 1e6) });
  take(fromHex(image));
}

function listen() {
  find("move").addEventListener("click", () => setTool(false));
  find("paint").addEventListener("click", () => setTool(true));
  find("another").addEventListener("click", () => another().catch((error) => say(error.message)));
  find("clear").addEventListener("click", () => { setTool(true); take(new Uint8Array(SIDE * SIDE)); });
  for (const by of ["axes", "own"]) find(`by-${by}`).addEventListener("click", () => { setView(by); remember(); draw(); });
  addEventListener("popstate", () => restore());
  addEventListener("keydown", (event) => {
    if (event.key === "n" && !event.ctrlKey && !event.metaKey) another().catch((error) => say(error.message));
  });
}

start().catch((error) => say(error.message, 60));
