// Requests to the JSON API.

const TIMEOUT_MS = 15_000;
const MAX_KEPT = 200;

/** A request that did not work; the message is for people, `status` is 0 without an answer. */
export class RequestError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }

  /** Whether the same may work in a while: nobody answered, or the answer was that somebody is away. */
  get passing() {
    return this.status === 0 || (this.status >= 502 && this.status <= 504);
  }
}

const ATTEMPTS = 40;
const LONGEST_PAUSE_MS = 10_000;

/** Do something again and again until it works, for some minutes, while it fails in a way that passes. */
export async function persist(work, { signal, onTrouble = () => {} }) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !error.passing || attempt === ATTEMPTS) throw error;
      onTrouble(error);
      await pause(Math.min(500 * 2 ** attempt, LONGEST_PAUSE_MS), signal);
      signal.throwIfAborted();
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    for (const [target, event] of [[signal, "abort"], [window, "online"]]) {
      target.addEventListener(event, () => { clearTimeout(timer); resolve(); }, { once: true });
    }
  });
}

/** Send a request and return the JSON of its answer, or null when it has none. */
export async function request(method, path, { body, signal } = {}) {
  const response = await send(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
  });
  return response.status === 204 ? null : response.json();
}

const kept = new Map();

/** Get JSON; what did not change since the last time is not sent again. */
export async function get(path) {
  const last = kept.get(path);
  const response = await send(path, {
    cache: "no-store", // the answers are kept here
    headers: last ? { "If-None-Match": last.etag } : {},
  });
  if (response.status === 304) return last.json;
  const json = await response.json();
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(path, { etag: response.headers.get("ETag"), json });
  return json;
}

async function send(path, { signal, ...options }) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  let response;
  try {
    response = await fetch(path, { ...options, signal: signal ? AbortSignal.any([signal, limit]) : limit });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new RequestError("The gallery does not answer. Check the connection and try again.", 0);
  }
  if (response.ok || response.status === 304) return response;
  const answer = await response.json().catch(() => null);
  throw new RequestError(answer?.error?.message ?? `The gallery answered ${response.status}.`, response.status);
}
