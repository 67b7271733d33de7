// Requests to the JSON API.

const TIMEOUT_MS = 15_000;
const MAX_CACHED = 200;

/** A failed request. The message is for people; `status` is 0 without a response. */
export class RequestError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }

  /** Whether a retry may succeed: there was no response, or it was 502, 503 or 504. */
  get isTemporary() {
    return this.status === 0 || (this.status >= 502 && this.status <= 504);
  }
}

const MAX_ATTEMPTS = 40;
const MAX_DELAY_MS = 10_000;

/** Retry `work` with increasing delays, for some minutes, while its errors are temporary. */
export async function withRetries(work, { signal, onRetry = () => {} }) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !error.isTemporary || attempt === MAX_ATTEMPTS) throw error;
      onRetry(error);
      await delay(Math.min(500 * 2 ** attempt, MAX_DELAY_MS), signal);
      signal.throwIfAborted();
    }
  }
}

function delay(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    for (const [target, event] of [[signal, "abort"], [window, "online"]]) {
      target.addEventListener(event, () => { clearTimeout(timer); resolve(); }, { once: true });
    }
  });
}

/** Send a request. Returns the JSON of the response, or null if it has none. */
export async function request(method, path, { body, signal } = {}) {
  const response = await send(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
  });
  return response.status === 204 ? null : response.json();
}

const cached = new Map();

/** Get JSON. An unchanged response is not transferred again. */
export async function get(path, { signal } = {}) {
  const previous = cached.get(path);
  const response = await send(path, {
    cache: "no-store", // responses are cached here
    headers: previous ? { "If-None-Match": previous.etag } : {},
    signal,
  });
  if (response.status === 304) return previous.json;
  const json = await response.json();
  if (cached.size >= MAX_CACHED) cached.clear();
  cached.set(path, { etag: response.headers.get("ETag"), json });
  return json;
}

async function send(path, { signal, ...options }) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  let response;
  try {
    response = await fetch(path, { ...options, signal: signal ? AbortSignal.any([signal, limit]) : limit });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new RequestError("The gallery is not responding. Check your connection and try again.", 0);
  }
  if (response.ok || response.status === 304) return response;
  const body = await response.json().catch(() => null);
  throw new RequestError(body?.error?.message ?? `The gallery returned error ${response.status}.`, response.status);
}
