// The review page: one crop after the other, a label for each.

import { _, number, percent, told as said, when } from "./words.js";

const at = (id) => document.getElementById(id);
const WHY = {
  hazard: _("Kept because it may be a hazard."),
  disputed: _("Kept because two looks at it disagree."),
  unsure: _("Kept because the model is unsure."),
  random: _("Kept at random."),
  imported: _("Imported without a label."),
};
const title = (label) => document.querySelector(`[data-label="${CSS.escape(label)}"]`)?.firstChild.textContent.trim() ?? label;
let queue = [];
let passed = new Set();
let last = null;
let busy = false;

function say(words) {
  at("answer").textContent = words;
}

async function fetchJson(path, options) {
  const answer = await fetch(path, options);
  return answer.json();
}

async function refill() {
  const told = await fetchJson("/api/review");
  at("left").textContent = _("{left} to label, {labelled} labelled", { left: number(told.left), labelled: number(told.labelled) });
  queue = told.crops.filter(({ id }) => !passed.has(id));
  if (queue.length === 0 && passed.size > 0) {
    passed = new Set();
    queue = told.crops;
  }
}

function show() {
  const crop = queue[0];
  at("picture").hidden = at("scores").hidden = crop === undefined;
  for (const button of document.querySelectorAll("[data-label]")) {
    button.disabled = crop === undefined;
    button.classList.toggle("said", crop?.scores[0]?.[0] === button.dataset.label);
  }
  at("skip").disabled = crop === undefined;
  at("undo").disabled = last === null;
  at("why").textContent = crop === undefined ? _("Nothing to label now.") : `${WHY[crop.reason] ?? crop.reason} ${when(crop.taken_utc)}`;
  if (crop === undefined) return;
  at("picture").src = `/api/review/${crop.id}/picture`;
  at("scores").tBodies[0].replaceChildren(...crop.scores.map(([label, share]) => {
    const row = document.createElement("tr");
    for (const text of [title(label), percent(share)]) row.insertCell().textContent = text;
    return row;
  }));
}

async function next() {
  queue.shift();
  await refill();
  show();
}

async function give(id, label) {
  const body = JSON.stringify({ id, label });
  const headers = { "content-type": "application/json" };
  const told = await fetchJson("/api/review", { method: "POST", headers, body });
  say(said(told.refusal));
  return told.taken === true;
}

async function alone(deed) {
  if (busy) return;
  busy = true;
  try {
    await deed();
  } catch {
    say(_("The station does not answer. Try again in a moment."));
  } finally {
    busy = false;
  }
}

for (const button of document.querySelectorAll("[data-label]")) {
  button.addEventListener("click", () => alone(async () => {
    const { id } = queue[0];
    if (!(await give(id, button.dataset.label))) return;
    last = id;
    say(_("Labelled: {name}.", { name: button.firstChild.textContent.trim() }));
    await next();
  }));
}
at("skip").addEventListener("click", () => alone(async () => {
  passed.add(queue[0].id);
  await next();
}));
at("undo").addEventListener("click", () => alone(async () => {
  if (last === null || !(await give(last, null))) return;
  passed.delete(last);
  last = null;
  await refill();
  show();
}));

alone(async () => {
  await refill();
  show();
});
