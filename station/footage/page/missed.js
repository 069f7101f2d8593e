// The belt, picture by picture: a person draws a box around a piece nobody proposed, and says what it is.
const at = (id) => document.getElementById(id);
const classes = [...document.querySelectorAll(".missed-class")];
let belt = { views: 0, width_px: 0, height_px: 0, drawn: 0 };
let here = 0;
let box = null;
let corner = null;
let pressedAt = null;

function say(words) {
  at("lost").textContent = words;
  at("lost").hidden = !words;
}

function place(event) {
  const shown = at("belt").getBoundingClientRect();
  const inside = (value, most) => Math.max(0, Math.min(most, Math.round(value)));
  return [
    inside(((event.clientX - shown.left) / shown.width) * belt.width_px, belt.width_px),
    inside(((event.clientY - shown.top) / shown.height) * belt.height_px, belt.height_px),
  ];
}

function between([x0, y0], [x1, y1]) {
  return [Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0)];
}

function showBox(found) {
  box = found && found[2] > 2 && found[3] > 2 ? found : null;
  const [x, y, w, h] = found ?? [0, 0, 0, 0];
  const style = at("drawn").style;
  style.left = `${(100 * x) / belt.width_px}%`;
  style.top = `${(100 * y) / belt.height_px}%`;
  style.width = `${(100 * w) / belt.width_px}%`;
  style.height = `${(100 * h) / belt.height_px}%`;
  at("drawn").hidden = !found;
  for (const button of classes) button.disabled = !box;
}

function go(n) {
  here = Math.max(0, Math.min(belt.views - 1, n));
  corner = pressedAt = null;
  showBox(null);
  at("belt-picture").src = `/belt/${here}.jpg`;
  show();
}

function show() {
  at("missed-title").textContent = `Belt (${here + 1} of ${belt.views}), ${belt.drawn} drawn`;
  at("take-back").disabled = !belt.drawn;
}

async function ask(path, body) {
  try {
    const reply = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const said = await reply.json();
    if (!reply.ok) return say(said.refusal);
    say("");
    belt.drawn = said.drawn;
    showBox(null);
    show();
  } catch {
    say("The labels are not saved: the command on the computer has ended. Start it again.");
  }
}

at("belt").addEventListener("pointerdown", (event) => {
  at("belt").setPointerCapture(event.pointerId);
  pressedAt = place(event);
});
at("belt").addEventListener("pointermove", (event) => {
  if (pressedAt) showBox(between(pressedAt, place(event)));
});
at("belt").addEventListener("pointerup", (event) => {
  if (!pressedAt) return;
  const [start, end] = [pressedAt, place(event)];
  pressedAt = null;
  const dragged = Math.abs(end[0] - start[0]) > 4 || Math.abs(end[1] - start[1]) > 4;
  if (dragged) {
    corner = null;
    return showBox(between(start, end));
  }
  showBox(between(corner ?? end, end));
  corner = corner ? null : end;
});
at("belt").addEventListener("pointercancel", () => { pressedAt = null; });
for (const button of classes) button.addEventListener("click", () => box && ask("/api/missed", { view: here, box, label: button.dataset.label }));
at("take-back").addEventListener("click", () => ask("/api/missed/take-back", {}));
at("belt-back").addEventListener("click", () => go(here - 1));
at("belt-next").addEventListener("click", () => go(here + 1));
at("missed-open").addEventListener("click", () => { at("pieces").hidden = at("strip").hidden = true; at("missed").hidden = false; go(here); });
at("missed-close").addEventListener("click", () => { at("pieces").hidden = at("strip").hidden = false; at("missed").hidden = true; });
document.addEventListener("keydown", (event) => {
  if (at("missed").hidden) return;
  if (event.key === "ArrowLeft") go(here - 1);
  if (event.key === "ArrowRight") go(here + 1);
});

belt = await (await fetch("/api/belt")).json();
at("missed-open").hidden = belt.views === 0;
