// The banner that tells why captions are paused.

import { timeUntil } from "./format.js";

const banner = document.querySelector(".pause");

/** Whether captions are paused, as far as this page knows. */
export function isPaused() {
  return "next" in banner.dataset;
}

/** Show the pause of a response of the API; null hides the banner. */
export function showPause(paused) {
  if (paused) banner.dataset.next = paused.next_attempt;
  else delete banner.dataset.next;
  const message = banner.querySelector(".message");
  if (message.textContent !== (paused?.message ?? "")) message.textContent = paused?.message ?? "";
  showNextAttempt();
}

/** Show in how many minutes captions are tried again. */
export function showNextAttempt() {
  const text = isPaused() ? `Next attempt: ${timeUntil(banner.dataset.next)}.` : "";
  const next = banner.querySelector(".next");
  if (next.textContent !== text) next.textContent = text;
}
