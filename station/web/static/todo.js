// The machine's to-do list: cause, effect, one thing to do, and where.

import { _, told } from "./words.js";

const at = (id) => document.getElementById(id);
const EVERY_MS = 10_000;
const URGENCY = { now: _("Now: something does not work"), soon: _("Soon"), sometime: _("When there is time") };
let shown = "";

function part(kind, name, words) {
  const found = document.createElement(kind);
  found.className = name;
  found.textContent = words;
  return found;
}

function row({ urgency, cause, effect, action, link, detail }) {
  const item = document.createElement("li");
  item.dataset.urgency = urgency;
  const way = part("a", "action", told(action));
  way.href = link;
  const parts = [part("p", "urgency", URGENCY[urgency]), part("p", "cause", told(cause)), part("p", "effect", told(effect))];
  item.append(...parts, part("p", "detail", told(detail)), way);
  return item;
}

async function show() {
  const answer = await fetch("/api/todo", { cache: "no-store" });
  const found = await answer.json();
  if (!answer.ok) {
    at("none").textContent = told(found.refusal);
    return;
  }
  const { items } = found;
  at("none").textContent = items.length > 0 ? "" : _("Nothing.");
  at("count").textContent = items.length > 0 ? `${items.length}` : "";
  if (JSON.stringify(items) === shown) return;
  shown = JSON.stringify(items);
  at("items").replaceChildren(...items.map(row));
}

for (;;) {
  try {
    await show();
  } catch {
    at("none").textContent = _("The station does not answer. Trying again.");
  }
  await new Promise((done) => setTimeout(done, EVERY_MS));
}
