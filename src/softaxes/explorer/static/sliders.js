// One slider for each kind that follows no other, in the kind's colour: what follows turns with its leader.

const SIGN = (value) => (value > 0 ? `+${value}` : value < 0 ? `−${-value}` : "0");

// `onGrab(kind)` hears when a slider is taken hold of, by hand or by key.
export function buildSliders(place, kinds, onChange, onGrab) {
  const rows = new Map(kinds.filter((kind) => !kind.follows).map((kind) => {
    const row = buildSlider(place, { name: kind.name, min: -kind.reach, max: kind.reach, show: (v) => [SIGN(v), kind.unit] }, onChange);
    for (const event of ["pointerdown", "focus"]) row.input.addEventListener(event, () => onGrab(kind.name));
    return [kind.name, row];
  }));
  return {
    get: () => Object.fromEntries([...rows].map(([name, row]) => [name, Number(row.input.value)])),
    set: (values) => rows.forEach((row, name) => { row.input.value = values[name] ?? 0; row.refresh(); }),
  };
}

export function buildSlider(place, { name, min, max, step = 1, show }, onChange) {
  const row = document.createElement("div");
  row.className = `slider kind-${name}`;
  const label = document.createElement("label");
  const input = document.createElement("input");
  const output = document.createElement("output");
  Object.assign(input, { type: "range", id: `slide-${name}`, min, max, step, value: 0 });
  Object.assign(label, { htmlFor: input.id, textContent: name });
  output.htmlFor = input.id;
  const refresh = () => {
    const [value, unit] = show(Number(input.value));
    const bold = document.createElement("b");
    bold.textContent = value;
    output.replaceChildren(bold, ` ${unit}`);
    input.setAttribute("aria-valuetext", `${value} ${unit}`);
  };
  const changed = (done) => { refresh(); onChange(done); };
  input.addEventListener("input", () => changed(false));
  input.addEventListener("change", () => changed(true));
  const reset = () => { input.value = 0; changed(true); };
  input.addEventListener("dblclick", reset);
  input.addEventListener("keydown", (event) => { if (event.key === "0") reset(); });
  row.append(label, input, output);
  place.append(row);
  refresh();
  return { input, output, refresh, row };
}
