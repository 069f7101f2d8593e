// Accounts: who there is, another secret, removal.

import { ask } from "./live.js";
import { _, told } from "./words.js";

const at = (id) => document.getElementById(id);
let chosen = "";

function show(accounts) {
  at("people").tBodies[0].replaceChildren(...accounts.map(({ name, role, sessions }) => {
    const row = at("account").content.cloneNode(true).firstElementChild;
    row.querySelector("th").textContent = name;
    row.querySelector(".role").textContent = _(role);
    row.querySelector(".sessions").textContent = sessions || "–";
    row.querySelector("[data-do=secret]").addEventListener("click", () => open("change", "change-title", _("New secret for {name}", { name }), name));
    row.querySelector("[data-do=remove]").addEventListener("click", () => open("removal", "removal-title", _("Remove {name}?", { name }), name));
    return row;
  }));
}

function open(dialog, title, words, name) {
  chosen = name;
  at(title).textContent = words;
  at(dialog).querySelector(".answer").textContent = "";
  at(dialog).showModal();
}

async function refresh() {
  const answer = await fetch("/api/accounts");
  const found = await answer.json();
  if (answer.ok) show(found);
  else at("answer").textContent = told(found.refusal);
}

function settle(dialog, { taken, refusal }) {
  if (!taken) {
    at(dialog).querySelector(".answer").textContent = told(refusal);
    return;
  }
  at(dialog).close();
  refresh();
}

for (const button of document.querySelectorAll("[data-do=close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

at("change").querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const secret = new FormData(event.target).get("secret");
  settle("change", await ask(`/api/accounts/${encodeURIComponent(chosen)}/secret`, { secret }));
  event.target.reset();
});

at("removal").querySelector("[data-do=sure]").addEventListener("click", async () => {
  settle("removal", await ask(`/api/accounts/${encodeURIComponent(chosen)}`, null, "DELETE"));
});

refresh();
