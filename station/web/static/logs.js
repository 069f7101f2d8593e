// The log, newest first; it follows until it is told to hold still.

import { get, part } from "./tool.js";
import { _, told } from "./words.js";

const at = (id) => document.getElementById(id);
const EVERY_MS = 2000;
const LEVELS = { INFO: _("info"), WARNING: _("warning"), ERROR: _("error"), CRITICAL: _("error") };
let level = "info";
let isFollowing = true;
let shown = "";

function row({ at_utc: utc, level: grave, who, said }) {
  const item = document.createElement("li");
  item.dataset.level = grave;
  item.append(part("small", `${utc.replace("T", " ").replace("Z", "")} · ${LEVELS[grave] ?? grave} · ${who}`), part("p", told(said)));
  return item;
}

async function show() {
  const { entries } = await get(`/api/logs?level=${level}&limit=200`);
  at("none").textContent = entries.length > 0 ? "" : _("There is nothing of this kind in the log.");
  const fresh = JSON.stringify(entries);
  if (fresh === shown) return;
  shown = fresh;
  at("entries").replaceChildren(...entries.map(row));
}

for (const button of at("levels").children) {
  button.addEventListener("click", () => {
    level = button.dataset.level;
    for (const each of at("levels").children) each.setAttribute("aria-pressed", String(each === button));
    show().catch((error) => { at("none").textContent = error.message; });
  });
}
at("follow").addEventListener("click", () => {
  isFollowing = !isFollowing;
  at("follow").textContent = isFollowing ? _("Hold still") : _("Follow");
});

for (;;) {
  try {
    if (isFollowing) await show();
  } catch (error) {
    at("none").textContent = error.message;
  }
  await new Promise((done) => setTimeout(done, EVERY_MS));
}
