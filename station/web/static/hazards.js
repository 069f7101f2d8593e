// The ledger of hazardous pieces: look, deal with them, say how.

import { ask } from "./live.js";
import { _, told, when } from "./words.js";

const at = (id) => document.getElementById(id);

function row(finding) {
  const found = document.createElement("tr");
  const chosen = Object.assign(document.createElement("input"), { type: "checkbox", value: finding.id, hidden: !finding.is_open });
  chosen.setAttribute("aria-label", _("Choose finding {n}", { n: finding.id }));
  found.insertCell().append(chosen);
  const closed = finding.closed_utc ? `${when(finding.closed_utc)}, ${finding.closed_by}: ${finding.how}` : finding.is_open ? _("open") : _("no person needed");
  const basel = finding.basel ? _("{code} (from {day})", { code: finding.basel, day: finding.basel_from }) : "–";
  for (const text of [finding.id, when(finding.found_utc), _(finding.title), told(finding.deed), basel, closed]) found.insertCell().textContent = text;
  return found;
}

async function show() {
  const { hazards } = await (await fetch("/api/hazards")).json();
  at("none").hidden = hazards.length > 0;
  at("found").tBodies[0].replaceChildren(...hazards.slice(0, 500).map(row));
}

at("close").addEventListener("submit", async (event) => {
  event.preventDefault();
  const numbers = [...at("found").querySelectorAll("input:checked")].map(({ value }) => Number(value));
  if (numbers.length === 0) {
    at("answer").textContent = _("Choose at least one.");
    return;
  }
  const { taken, refusal } = await ask("/api/hazards/close", { numbers, how: new FormData(event.target).get("how") });
  at("answer").textContent = told(refusal);
  if (taken) event.target.reset();
  show();
});

show();
