// Asks again and again, as often as it is worth it: quickly while something is about to change, slowly when nothing is
// expected, and not at all in a hidden tab.

const QUICK_MS = 300;
const PATIENT_MS = 5_000;
const IDLE_MS = 10_000;
const TROUBLE_MS = 10_000;
const GROWTH = 1.1;

const TROUBLE = "Connection lost. Trying again…";

/** Tell in a status line, by the result of each look, that there is no answer; one miss is not worth a word. */
export function tellTrouble(status) {
  let failures = 0;
  return (error) => {
    failures = error ? failures + 1 : 0;
    if (failures === 2) status.textContent = TROUBLE;
    else if (!error && status.textContent === TROUBLE) status.textContent = "";
    status.toggleAttribute("data-trouble", status.textContent === TROUBLE);
  };
}

/**
 * Keep calling `look`, which answers "changed", "waiting", "idle" or "stop", or throws when there is no answer.
 * Returns a function that looks at once and is quick again.
 */
export function keepLooking(look, { onTrouble = () => {} } = {}) {
  let timer;
  let delay = QUICK_MS;
  let running = false;
  let again = false;

  async function turn() {
    if (document.hidden) return; // visibilitychange goes on
    running = true;
    again = false;
    try {
      const outcome = await look();
      onTrouble(null);
      delay = {
        changed: QUICK_MS,
        waiting: Math.min(Math.max(delay, QUICK_MS) * GROWTH, PATIENT_MS),
        idle: IDLE_MS,
        stop: Infinity,
      }[outcome];
    } catch (error) {
      onTrouble(error);
      delay = Math.min(Math.max(delay, 1_000) * 2, TROUBLE_MS);
    }
    running = false;
    if (again) soon();
    else if (delay !== Infinity) timer = setTimeout(turn, delay);
  }

  function soon() {
    delay = QUICK_MS;
    again = true;
    if (running) return;
    clearTimeout(timer);
    timer = setTimeout(turn);
  }

  document.addEventListener("visibilitychange", () => document.hidden || soon());
  addEventListener("online", soon);
  addEventListener("pageshow", (event) => event.persisted && soon());
  timer = setTimeout(turn, delay);
  return soon;
}
