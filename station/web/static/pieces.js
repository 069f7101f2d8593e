// The search: the newest pieces that fit, fifty at a time. The question stands in the address, so that it can be sent on.

import { exactly } from "./moments.js";
import { _, told } from "./words.js";

const at = (id) => document.getElementById(id);
const form = at("search");
const OUTCOMES = { ejected: _("Ejected"), passed: _("Passed"), unsure: _("Unsure"), late: _("Late"), cancelled: _("Cancelled"), lost: _("Lost") };
let before = null;

const utc = (local) => (local ? new Date(local).toISOString() : "");
const share = (percent) => (percent === "" ? "" : String(percent / 100));

function question() {
  const said = new FormData(form);
  const asked = {
    label: said.get("label"), outlet: said.get("outlet"), outcome: said.get("outcome"),
    least_confidence: share(said.get("least")), most_confidence: share(said.get("most")),
    from_utc: utc(said.get("from")), to_utc: utc(said.get("until")),
  };
  return new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== ""));
}

function row({ seq, closed_utc, title, confidence, outlet, outcome }) {
  const found = document.createElement("tr");
  const link = document.createElement("a");
  link.href = `/pieces/${seq}`;
  link.textContent = seq;
  found.insertCell().append(link);
  const when = exactly.format(new Date(closed_utc));
  for (const text of [when, told(title) || "–", `${(100 * confidence).toFixed(0)} %`, outlet ?? "–", OUTCOMES[outcome] ?? outcome]) found.insertCell().textContent = text;
  return found;
}

async function search(isMore) {
  const asked = question();
  if (isMore) asked.set("before", before);
  const answer = await fetch(`/api/pieces?${asked}`);
  const said = await answer.json();
  at("answer").textContent = answer.ok ? "" : told(said.refusal);
  if (!answer.ok) return;
  const body = at("found").tBodies[0];
  if (!isMore) body.replaceChildren();
  body.append(...said.pieces.map(row));
  before = said.before;
  at("more").hidden = before === null;
  if (body.rows.length === 0) at("answer").textContent = before === null ? _("Nothing fits.") : _("Nothing fits among the newest million; look among older ones.");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  search(false);
});
at("more").addEventListener("click", () => search(true));
search(false);
