// Alarms: what happened, since when, what it does, what to do; acknowledged and shelved by a person.

import { ask } from "./live.js";
import { clock, lasting } from "./moments.js";
import { _, told } from "./words.js";

const at = (id) => document.getElementById(id);
const put = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};
const moment = (seconds) => clock.format(Date.now() - seconds * 1000);

async function act(verb, body) {
  const { taken, refusal } = await ask(`/api/alarms/${verb}`, body);
  at("answer").dataset.level = taken ? "calm" : "attention";
  put(at("answer"), taken ? "" : told(refusal));
}

/** Alarms keep their element, so a screen reader says each only once; the order is the station's. */
export function showAlarms({ alarms, shelved }) {
  const list = at("alarms");
  at("no-alarms").hidden = alarms.length > 0;
  at("acknowledge-all").hidden = alarms.filter(({ acknowledged_by: by }) => by === null).length < 2;
  const shown = new Map([...list.children].map((item) => [item.dataset.code, item]));
  alarms.forEach((alarm, place) => {
    const item = shown.get(alarm.code) ?? added(alarm);
    shown.delete(alarm.code);
    fill(item, alarm);
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
  });
  for (const item of shown.values()) item.remove();
  showShelved(shelved);
}

function added({ code }) {
  const item = at("alarm").content.cloneNode(true).firstElementChild;
  item.dataset.code = code;
  const lengths = item.querySelector(".lengths");
  const shelve = item.querySelector('[data-act="shelve"]');
  item.querySelector('[data-act="acknowledge"]').addEventListener("click", () => act("acknowledge", { code }));
  shelve.addEventListener("click", () => {
    lengths.hidden = !lengths.hidden;
    shelve.setAttribute("aria-expanded", String(!lengths.hidden));
  });
  for (const button of lengths.querySelectorAll("button")) {
    button.addEventListener("click", () => act("shelve", { code, minutes: Number(button.dataset.minutes) }));
  }
  return item;
}

function sinceWords({ since_s: since, over_s: over, times, code, number }) {
  const began = moment(since);
  const words = over === null ? _("since {began}, {ago}", { began, ago: lasting(since) }) : _("over since {over}; began {began}", { over: moment(over), began });
  const often = times > 1 ? [_("{times} times", { times })] : [];
  return [words, ...often, `${number} ${code}`].join(" · ");
}

function fill(item, alarm) {
  const { sentence, detail, effect, hint, severity, over_s: over, is_first: isFirst, may_be_shelved: mayBeShelved } = alarm;
  const by = alarm.acknowledged_by;
  item.classList.toggle("over", over !== null);
  item.dataset.severity = severity;
  item.querySelector(".first").hidden = !isFirst;
  put(item.querySelector(".what-failed"), told(sentence));
  put(item.querySelector(".detail"), [over === null ? told(effect) : "", told(detail)].filter(Boolean).join(" "));
  put(item.querySelector(".next span"), told(hint));
  put(item.querySelector(".since"), sinceWords(alarm));
  put(item.querySelector(".known"), by === null ? "" : _("Acknowledged by {by} at {at}.", { by, at: moment(alarm.acknowledged_s) }));
  item.querySelector('[data-act="acknowledge"]').hidden = by !== null;
  item.querySelector('[data-act="shelve"]').hidden = !mayBeShelved;
}

function showShelved(shelved) {
  const list = at("shelved");
  const shown = new Map([...list.children].map((item) => [item.dataset.code, item]));
  for (const { code, sentence, by, left_s: left } of shelved) {
    const item = shown.get(code) ?? shelfItem(list, code);
    shown.delete(code);
    put(item.firstElementChild, _("Shelved by {by}, back in {left}: {sentence}", { by, left: lasting(left), sentence: told(sentence) }));
  }
  for (const item of shown.values()) item.remove();
}

function shelfItem(list, code) {
  const item = document.createElement("li");
  const back = Object.assign(document.createElement("button"), { type: "button", className: "act", textContent: _("Back") });
  item.dataset.code = code;
  back.addEventListener("click", () => act("unshelve", { code }));
  item.append(document.createElement("span"), back);
  list.append(item);
  return item;
}

at("acknowledge-all").addEventListener("click", () => act("acknowledge", { code: null }));
