// Alarms of the past: when, how long, in which order, and who acknowledged or shelved them.

import { exactly, lasting } from "./moments.js";
import { _, told } from "./words.js";

const at = (id) => document.getElementById(id);
const form = at("search");
const moment = (utc) => exactly.format(new Date(utc));

const lasted = (raised, cleared) => (cleared === null ? "–" : lasting((new Date(cleared) - new Date(raised)) / 1000));

function row({ raised_utc: raised, cleared_utc: cleared, order, sentence, detail, acknowledged, shelved }) {
  const found = document.createElement("tr");
  const by = (act) => (act === null ? "–" : `${act.by}, ${moment(act.at_utc)}`);
  const what = [told(sentence), told(detail)].filter(Boolean).join(" ");
  for (const text of [moment(raised), lasted(raised, cleared), order ?? "–", what, by(acknowledged), by(shelved)]) {
    found.insertCell().textContent = text;
  }
  return found;
}

async function show() {
  const code = new FormData(form).get("code");
  const answer = await fetch(`/api/alarms/history${code ? `?code=${encodeURIComponent(code)}` : ""}`);
  const said = await answer.json();
  at("answer").textContent = answer.ok ? "" : told(said.refusal);
  if (!answer.ok) return;
  at("found").tBodies[0].replaceChildren(...said.alarms.map(row));
  if (said.alarms.length === 0) at("answer").textContent = _("There was no such alarm.");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  show();
});
show();
