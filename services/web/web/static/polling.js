// Polls the API: often while something is about to change, rarely when nothing is expected, and never in a hidden tab.

const FAST_MS = 300;
const SLOW_MS = 5_000;
const IDLE_MS = 10_000;
const FAILURE_MS = 10_000;
const GROWTH = 1.1;

const CONNECTION_LOST = "Connection lost. Retrying…";

/** Return a listener that shows in a status line when two polls in a row failed. */
export function showConnectionLoss(status) {
  let failures = 0;
  return (error) => {
    failures = error ? failures + 1 : 0;
    if (failures === 2) status.textContent = CONNECTION_LOST;
    else if (!error && status.textContent === CONNECTION_LOST) status.textContent = "";
    status.toggleAttribute("data-trouble", status.textContent === CONNECTION_LOST);
  };
}

/** Whether the page came from the gallery, not from the browser's cache, as it does on the way back. */
export function cameFromServer() {
  return performance.getEntriesByType("navigation")[0]?.transferSize > 0;
}

/**
 * Call `refresh` repeatedly. It returns "changed", "waiting", "idle" or "stop", or throws if there is no response.
 * `onResult` is called with the error, or null. `isCurrent` tells that the page was just made and shows nothing that is
 * about to change, so the first poll can wait. Returns a function that polls immediately and makes polls frequent again.
 */
export function poll(refresh, { onResult, isCurrent = false }) {
  let timer;
  let delay = isCurrent ? IDLE_MS : FAST_MS;
  let isRunning = false;
  let isRequested = false;

  async function run() {
    if (document.hidden) return; // visibilitychange resumes
    isRunning = true;
    isRequested = false;
    try {
      const outcome = await refresh();
      onResult(null);
      delay = {
        changed: FAST_MS,
        waiting: Math.min(Math.max(delay, FAST_MS) * GROWTH, SLOW_MS),
        idle: IDLE_MS,
        stop: Infinity,
      }[outcome];
    } catch (error) {
      onResult(error);
      delay = Math.min(Math.max(delay, 1_000) * 2, FAILURE_MS);
    }
    isRunning = false;
    if (isRequested) pollNow();
    else if (delay !== Infinity) timer = setTimeout(run, delay);
  }

  function pollNow() {
    delay = FAST_MS;
    isRequested = true;
    if (isRunning) return;
    clearTimeout(timer);
    timer = setTimeout(run);
  }

  document.addEventListener("visibilitychange", () => document.hidden || pollNow());
  addEventListener("online", pollNow);
  addEventListener("pageshow", (event) => event.persisted && pollNow());
  timer = setTimeout(run, delay);
  return pollNow;
}
