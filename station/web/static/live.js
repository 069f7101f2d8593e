// The line to the station: one WebSocket that comes back by itself.

import { _ } from "./words.js";

const SILENT_MS = 2500;
const CONNECTING_MS = 10_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 3000;

/** Calls told(message), pictured(buffer) -> promise of the drawn picture's number, linked(), lost(). */
export function connect({ told, pictured, linked, lost }) {
  let retryMs = FIRST_RETRY_MS;

  function open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/live`);
    socket.binaryType = "arraybuffer";
    let silence = 0;
    let isOver = false;

    const say = (answer) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(answer));
    const over = () => {
      if (isOver) return;
      isOver = true;
      clearTimeout(silence);
      socket.close();
      lost();
      setTimeout(open, retryMs + Math.random() * 200);
      retryMs = Math.min(retryMs * 1.5, LONGEST_RETRY_MS);
    };
    const wait = (patienceMs) => {
      clearTimeout(silence);
      silence = setTimeout(over, patienceMs);
    };

    wait(CONNECTING_MS);
    socket.onopen = () => wait(SILENT_MS);
    socket.onclose = over;
    socket.onmessage = async ({ data }) => {
      if (isOver) return;
      wait(SILENT_MS);
      if (data instanceof ArrayBuffer) {
        say({ drawn: await pictured(data) });
        return;
      }
      const message = JSON.parse(data);
      if (message.kind === "facts") {
        retryMs = FIRST_RETRY_MS;
        linked();
      }
      told(message);
      if (message.kind === "counts") say({});
    };
  }

  open();
}

/** Resolves to {taken, refusal}; when the station cannot be reached the refusal says so. */
export async function ask(path, body, method = "POST") {
  try {
    const answer = await fetch(path, {
      method,
      headers: { "content-type": "application/json" },
      body: body === null ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(4000),
    });
    return await answer.json();
  } catch {
    return { taken: false, refusal: _("The station did not answer. Nobody knows whether it heard you. Use the emergency stop in danger.") };
  }
}
