// Files from the reader's disk. The tab keeps a copy (sessionStorage), so that a restarted server can be given it
// again without anyone noticing; closing the tab forgets it.

import { ask } from "./api.js";

const KEEP_CHARACTERS = 2_000_000;

export async function upload(file, maxBytes) {
  if (file.size > maxBytes) throw new Error(`${file.name}: a file may have ${maxBytes / 1e6} MB at most, this one has ${(file.size / 1e6).toFixed(0)}`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const entry = await send(bytes, file.name).catch((error) => { throw new Error(`${file.name}: ${error.message}`); });
  keep(entry.id, file.name, bytes);
  return entry;
}

export async function giveAgain(id) {
  const kept = sessionStorage.getItem(id);
  if (!kept) return false;
  const { name, data } = JSON.parse(kept);
  await send(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)), name);
  return true;
}

export function acceptDrops(onFiles) {
  const body = document.body;
  let depth = 0;
  const over = (change) => { depth = Math.max(0, depth + change); body.classList.toggle("dropping", depth > 0); };
  addEventListener("dragenter", (event) => { event.preventDefault(); over(1); });
  addEventListener("dragleave", () => over(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    over(0);
    onFiles([...event.dataTransfer.files]);
  });
}

const send = (bytes, name) => ask("/api/songs", { name }, { method: "POST", body: bytes });

function keep(id, name, bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  const record = JSON.stringify({ name, data: btoa(text) });
  if (record.length > KEEP_CHARACTERS) return;
  try { sessionStorage.setItem(id, record); } catch { /* full: the file would have to be dropped again */ }
}
