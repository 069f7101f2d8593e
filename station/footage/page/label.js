// One piece at a time: shows it, takes the answer, saves it, goes on to the next that has none.
const at = (id) => document.getElementById(id);
const nothing = document.body.dataset.nothing;
let pieces = [];
let here = 0;
let busy = false;

function lost(words) {
  at("lost").textContent = words;
  at("lost").hidden = false;
}

function showPicture(piece) {
  const picture = at("picture");
  picture.hidden = !piece.has_picture;
  at("no-picture").hidden = piece.has_picture;
  if (piece.has_picture) picture.src = `/picture/${piece.number}.png`;
  picture.alt = `Piece ${piece.piece} on the belt`;
}

function showStrip() {
  const buttons = at("strip").children;
  pieces.forEach((piece, n) => {
    buttons[n].classList.toggle("done", piece.label !== null);
    buttons[n].setAttribute("aria-current", String(n === here));
    buttons[n].title = `piece ${piece.piece}: ${piece.label ?? "no label"}`;
  });
  const done = pieces.filter((piece) => piece.label !== null).length;
  at("progress").textContent = `${done} of ${pieces.length} labelled`;
}

function show() {
  const piece = pieces[here];
  if (!piece) return;
  at("piece-title").textContent = `Piece ${piece.piece} (${here + 1} of ${pieces.length})`;
  showPicture(piece);
  at("proposed").textContent = piece.proposed || "nothing";
  at("confidence").textContent = `${Math.round(100 * piece.confidence)} %`;
  at("outlet").textContent = piece.outlet;
  at("size").textContent = `${piece.size_mm[0]} × ${piece.size_mm[1]} mm`;
  at("label").textContent = piece.label === null ? "none yet" : `${piece.label === nothing ? "not a piece" : piece.label} (${piece.who})`;
  at("confirm-what").textContent = piece.proposed || "nothing";
  at("confirm").disabled = !piece.proposed;
  for (const button of document.querySelectorAll("#pieces .class")) {
    button.setAttribute("aria-pressed", String(button.dataset.label === piece.label));
    button.classList.toggle("proposed", button.dataset.label === piece.proposed);
  }
  at("more").value = "";
  showStrip();
}

function go(n) {
  here = Math.max(0, Math.min(pieces.length - 1, n));
  show();
}

function goOn() {
  const open = pieces.findIndex((piece, n) => n > here && piece.label === null);
  const before = pieces.findIndex((piece) => piece.label === null);
  go(open >= 0 ? open : before >= 0 ? before : here + 1);
}

async function answer(label) {
  if (busy || !pieces.length) return;
  busy = true;
  try {
    const reply = await fetch("/api/labels", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ number: here, label }),
    });
    const said = await reply.json();
    if (!reply.ok) return lost(said.refusal);
    at("lost").hidden = true;
    pieces[here] = said;
    document.activeElement?.blur();
    if (label === null) show();
    else goOn();
  } catch {
    lost("The labels are not saved: the command on the computer has ended. Start it again.");
  } finally {
    busy = false;
  }
}

function confirm() {
  const piece = pieces[here];
  if (piece && piece.proposed) answer(piece.proposed);
}

function pressed(event) {
  if (at("pieces").hidden) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
  if (event.key === "Enter" && event.target.tagName === "BUTTON") return;
  const button = document.querySelector(`.class[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  const deeds = {
    Enter: confirm, n: () => answer(nothing), ArrowLeft: () => go(here - 1), ArrowRight: () => go(here + 1),
    Delete: () => answer(null), Backspace: () => answer(null),
  };
  const deed = deeds[event.key] ?? (button && (() => answer(button.dataset.label)));
  if (!deed) return;
  event.preventDefault();
  deed();
}

async function begin() {
  pieces = await (await fetch("/api/pieces")).json();
  pieces.forEach((piece, n) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = String(piece.piece);
    button.addEventListener("click", () => go(n));
    at("strip").append(button);
  });
  if (!pieces.length) at("progress").textContent = "There are no pieces in this recording.";
  const open = pieces.findIndex((piece) => piece.label === null);
  go(open >= 0 ? open : 0);
}

at("confirm").addEventListener("click", confirm);
at("nothing").addEventListener("click", () => answer(nothing));
at("back").addEventListener("click", () => go(here - 1));
at("next").addEventListener("click", () => go(here + 1));
at("clear").addEventListener("click", () => answer(null));
at("more").addEventListener("change", (event) => event.target.value && answer(event.target.value));
for (const button of document.querySelectorAll("#pieces .class")) button.addEventListener("click", () => answer(button.dataset.label));
document.addEventListener("keydown", pressed);
begin();
