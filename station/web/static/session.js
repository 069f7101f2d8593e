// Who is logged in and who holds control, on every page.

import { ask } from "./live.js";

const EVERY_MS = 5000;
const ROLES = ["viewer", "operator", "technician", "admin"];
const at = (id) => document.getElementById(id);

export async function session() {
  const answer = await fetch("/api/session", { signal: AbortSignal.timeout(4000) });
  return answer.json();
}

function showPerson({ name, role }) {
  at("who").textContent = name ? `${name}, ${role}` : "Only looking";
  at("log-in").hidden = name !== "";
  at("log-out").hidden = name === "";
  for (const link of document.querySelectorAll("[data-role]")) {
    link.hidden = ROLES.indexOf(role) < ROLES.indexOf(link.dataset.role);
  }
}

function helmWords(name, { holder, asker, answer_s }) {
  if (asker && holder === name) return [`${asker} asks for control. Without an answer it goes over in ${Math.ceil(answer_s)} s.`, ["give", "keep"]];
  if (asker === name) return [`You asked ${holder} for control: yours in ${Math.ceil(answer_s)} s if there is no answer.`, ["leave"]];
  if (holder === name) return ["You hold control.", ["leave"]];
  return [`${holder} holds control.`, ["take"]];
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

export async function look() {
  clearTimeout(nextLook);
  try {
    const found = await session();
    showPerson(found);
    showHelm(found);
    nextLook = setTimeout(look, found.helm.asker ? 1000 : EVERY_MS);
  } catch {
    nextLook = setTimeout(look, EVERY_MS);
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

for (const link of document.querySelectorAll(".nav a")) {
  if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
}
look();
