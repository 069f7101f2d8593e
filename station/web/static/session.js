// Who is logged in and who holds control, on every page.

import { ask } from "./live.js";
import { _ } from "./words.js";

const EVERY_MS = 5000;
const LOST_MS = 1000;
const ROLES = ["viewer", "operator", "technician", "admin"];
const at = (id) => document.getElementById(id);

export async function session() {
  const answer = await fetch("/api/session", { signal: AbortSignal.timeout(4000) });
  return answer.json();
}

function showPerson({ name, role }) {
  const [who, as] = at("who").children;
  who.textContent = name;
  as.textContent = name ? _(role) : _("Only looking");
  at("log-in").hidden = name !== "";
  at("log-out").hidden = name === "";
  for (const link of document.querySelectorAll("[data-role]")) {
    link.hidden = ROLES.indexOf(role) < ROLES.indexOf(link.dataset.role);
  }
  at("tools").hidden = at("tools").querySelector("a:not([hidden])") === null;
}

function helmWords(name, { holder, asker, answer_s }) {
  const seconds = Math.ceil(answer_s);
  if (asker && holder === name) return [_("{asker} asks for control. Without an answer it goes over in {seconds} s.", { asker, seconds }), ["give", "keep"]];
  if (asker === name) return [_("You asked {holder} for control: yours in {seconds} s if there is no answer.", { holder, seconds }), ["leave"]];
  if (holder === name) return [_("You hold control."), ["leave"]];
  return [_("{holder} holds control.", { holder }), ["take"]];
}

function showHelm({ name, helm }) {
  at("helm").hidden = helm.holder === "";
  if (helm.holder === "") return;
  const [words, acts] = helmWords(name, helm);
  at("helm").firstElementChild.textContent = words;
  for (const button of at("helm").querySelectorAll("button")) {
    button.hidden = name === "" || !acts.includes(button.dataset.act);
  }
}

let nextLook = 0;

/** The page of the line has its own word for it. */
function showConnection(isThere) {
  if (at("gone")) at("gone").hidden = isThere;
}

export async function look() {
  clearTimeout(nextLook);
  try {
    const found = await session();
    showConnection(true);
    showPerson(found);
    showHelm(found);
    nextLook = setTimeout(look, found.helm.asker ? 1000 : EVERY_MS);
  } catch {
    showConnection(false);
    nextLook = setTimeout(look, LOST_MS);
  }
}

at("log-out").addEventListener("click", async () => {
  await fetch("/api/session", { method: "DELETE" });
  location.reload();
});

for (const button of at("helm").querySelectorAll("button")) {
  button.addEventListener("click", async () => {
    await ask("/api/helm", { act: button.dataset.act });
    await look();
  });
}

const YEAR_S = 365 * 24 * 3600;
for (const choice of ["language", "look"]) {
  at(choice).addEventListener("change", ({ target }) => {
    document.cookie = `station_${choice}=${target.value}; path=/; max-age=${YEAR_S}; samesite=strict`;
    location.reload();
  });
}

document.addEventListener("click", ({ target }) => {
  if (!at("tools").contains(target)) at("tools").open = false;
});
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape" || !at("tools").open) return;
  at("tools").open = false;
  at("tools").querySelector("summary").focus();
});
look();

/** How much there is to do for technicians, once a page. */
async function countTodo() {
  const link = document.querySelector('.nav a[href="/todo"]');
  if (!link || ROLES.indexOf((await session()).role) < ROLES.indexOf("technician")) return;
  const answer = await fetch("/api/todo");
  const { items } = await answer.json();
  if (answer.ok && items.length > 0) link.append(` (${items.length})`);
}
countTodo().catch(() => {});
