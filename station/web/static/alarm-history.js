// Alarms of the past: when, how long, in which order, and who acknowledged or shelved them.

import { _, locale, told } from "./words.js";

const at = (id) => document.getElementById(id);
const form = at("search");
const when = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "medium" });
const moment = (utc) => when.format(new Date(utc));

function lasted(raised, cleared) {
  if (cleared === null) return "–";
  const seconds = (new Date(cleared) - new Date(raised)) / 1000;
  return seconds < 90 ? _("{n} s", { n: seconds.toFixed(1) }) : _("{n} min", { n: (seconds / 60).toFixed(1) });
}

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
