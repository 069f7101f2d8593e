// A button that is held for a second when it must be, by finger, mouse or keyboard, and tapped otherwise.

const HOLD_MS = 1000;
const KEYS = new Set(["Enter", " "]);

/** Calls act(heldMs); early() when it was let go too soon. `fill` grows while it is held. */
export function holdable(button, fill, { mustHold, act, early }) {
  let began = null;
  let timer = 0;
  let growing = null;
  let isSpent = false;

  function begin() {
    if (began !== null || !mustHold()) return;
    began = performance.now();
    isSpent = true;
    growing = fill.animate([{ transform: "scaleX(0)" }, { transform: "scaleX(1)" }], { duration: HOLD_MS, fill: "forwards" });
    timer = setTimeout(done, HOLD_MS + 20);
  }

  function leave() {
    clearTimeout(timer);
    growing?.cancel();
    began = null;
  }

  function done() {
    const held = Math.round(performance.now() - began);
    leave();
    act(held);
  }

  function end() {
    if (began === null) return;
    leave();
    early();
  }

  button.addEventListener("pointerdown", ({ button: which }) => which === 0 && begin());
  for (const over of ["pointerup", "pointercancel", "pointerleave", "blur"]) button.addEventListener(over, end);
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("keydown", (event) => {
    if (!KEYS.has(event.key) || !(mustHold() || began !== null)) return;
    event.preventDefault();
    begin();
  });
  button.addEventListener("keyup", (event) => {
    if (!KEYS.has(event.key) || !isSpent) return;
    event.preventDefault();
    end();
    isSpent = false;
  });
  button.addEventListener("click", () => {
    const wasHeld = isSpent;
    isSpent = false;
    if (wasHeld) return;
    if (mustHold()) early();
    else act(0);
  });
}
