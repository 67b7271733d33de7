// Uploads photos to the bucket: three at a time, each with a card that shows its progress.

import { request, RequestError, withRetries } from "./api.js";
import { pictureType } from "./file_type.js";
import { fileSize } from "./format.js";

const AT_ONCE = 3;
const PREVIEW_PIXELS = 320;

/** Why a file can't be uploaded, as a message for people; "" if it can. */
export async function findProblem(file, maxBytes) {
  if (file.size === 0) return `${file.name} is empty.`;
  try {
    if (!(await pictureType(file))) return `${file.name} is not a JPEG, PNG, WebP, GIF, AVIF or HEIC picture.`;
  } catch {
    return `${file.name} can't be read. Check that it still exists and choose it again.`;
  }
  if (file.size > maxBytes) {
    return `${file.name} is too large (${fileSize(file.size)}). The limit is ${maxBytes / 1024 ** 2} MB.`;
  }
  return "";
}

/** The dropped files, including those in folders. */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(filesOf))).flat();
}

/** Uploads files in the order in which they were added. A file gets its card when its upload starts. */
export class Uploads {
  #waiting = [];
  #running = new Set();
  #failed = new Set();
  #done = 0;
  #template;
  #listeners;

  /**
   * `template` is that of cards. Listeners: `onStart(card)`; `onSent(card)` when the file is stored and the card has its
   * image ID; `onDone(card, image)` when the upload is complete; `onChange({ waiting, running, done, failed })` with the
   * numbers of files.
   */
  constructor(template, listeners) {
    this.#template = template;
    this.#listeners = listeners;
  }

  /** Queue files. */
  add(files) {
    for (const file of files) this.#waiting.push({ file, card: null, abort: null, id: null, sent: false });
    this.#startSome();
  }

  /** Cancel the files whose upload has not started. */
  cancelWaiting() {
    for (const upload of this.#waiting) upload.card?.remove();
    this.#waiting = [];
    this.#notify();
  }

  #startSome() {
    while (this.#running.size < AT_ONCE && this.#waiting.length) {
      const upload = this.#waiting.shift();
      if (!upload.card) {
        upload.card = this.#makeCard(upload);
        this.#listeners.onStart(upload.card);
      }
      this.#running.add(upload);
      this.#run(upload).finally(() => {
        this.#running.delete(upload);
        this.#startSome();
      });
    }
    this.#notify();
  }

  #makeCard(upload) {
    const card = this.#template.content.firstElementChild.cloneNode(true);
    const { name, size } = upload.file;
    part(card, ".caption").textContent = name;
    part(card, ".meta").textContent = fileSize(size);
    part(card, "progress").ariaLabel = `Uploading ${name}`;
    part(card, ".retry").ariaLabel = `Retry ${name}`;
    part(card, ".retry").addEventListener("click", () => this.#retry(upload));
    part(card, ".cancel").addEventListener("click", () => this.#cancel(upload));
    return card;
  }

  #retry(upload) {
    this.#failed.delete(upload);
    mark(upload, "waiting", "Waiting");
    this.#waiting.unshift(upload);
    this.#startSome();
  }

  async #run(upload) {
    const { card, file } = upload;
    upload.abort = new AbortController();
    const { signal } = upload.abort;
    mark(upload, "sending", "Uploading");
    preview(upload);
    const onRetry = () => {
      part(card, ".frame-note").textContent = "Connection lost. Retrying…";
    };
    const onProgress = (percent) => {
      part(card, "progress").value = percent;
      part(card, ".frame-note").textContent = percent < 100 ? `${Math.round(percent)} %` : "Finishing";
    };
    try {
      if (!upload.sent) {
        const wanted = { filename: file.name, content_type: await pictureType(file), bytes: file.size };
        const form = await withRetries(() => request("POST", "/api/uploads", { body: wanted, signal }), { signal, onRetry });
        upload.id = form.id;
        // Sending the form again is safe, because the file has the same key.
        await withRetries(() => send(form, file, signal, onProgress), { signal, onRetry });
        upload.sent = true;
        card.dataset.id = upload.id; // from now on polling may find the photo first
        this.#listeners.onSent(card);
      }
      const image = await withRetries(() => request("PUT", `/api/images/${upload.id}`, { signal }), { signal, onRetry });
      this.#done += 1;
      if (card.isConnected) this.#listeners.onDone(card, image);
    } catch (error) {
      if (!signal.aborted) this.#fail(upload, error.message);
    }
  }

  #fail(upload, message) {
    if (!upload.card.isConnected) return; // polling found the photo
    this.#failed.add(upload);
    mark(upload, "failed", "Upload failed", message);
  }

  #cancel(upload) {
    upload.abort.abort();
    this.#failed.delete(upload);
    this.#waiting = this.#waiting.filter((other) => other !== upload);
    // Move the focus to the neighbor, for keyboards and screen readers.
    const neighbor = upload.card.nextElementSibling ?? upload.card.previousElementSibling;
    neighbor?.querySelector("a, button")?.focus();
    upload.card.remove();
    if (upload.sent) request("DELETE", `/api/images/${upload.id}`).catch(() => {}); // the photo then stays in the gallery
    this.#notify();
  }

  #notify() {
    const [waiting, running, failed] = [this.#waiting.length, this.#running.size, this.#failed.size];
    this.#listeners.onChange({ waiting, running, failed, done: this.#done });
    if (!waiting && !running) this.#done = 0;
  }
}

function mark({ card, file }, state, note, failure = "") {
  card.dataset.upload = state;
  part(card, ".frame-note").textContent = note;
  part(card, ".failure").textContent = failure;
  part(card, "progress").value = 0;
  const cancel = part(card, ".cancel");
  cancel.textContent = state === "failed" ? "Dismiss" : "Cancel";
  cancel.ariaLabel = `${cancel.textContent} ${file.name}`;
}

function part(card, selector) {
  return card.querySelector(selector);
}

// Scaled to the size of a card: 400 KB instead of 50 MB for the decoded photo.
async function preview(upload) {
  if (part(upload.card, ".preview")) return;
  let bitmap;
  try {
    bitmap = await createImageBitmap(upload.file, { resizeWidth: PREVIEW_PIXELS, resizeQuality: "medium" });
  } catch {
    return; // not a picture, or not supported by this browser
  }
  const canvas = document.createElement("canvas");
  canvas.className = "preview";
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  // A small file may be uploaded before this: then the photo has its own card already.
  const card = upload.card.isConnected
    ? upload.card
    : document.querySelector(`.card[data-id="${upload.id}"][data-thumbnail="pending"]`);
  card?.querySelector(".frame").prepend(canvas);
}

// XMLHttpRequest, because fetch does not report upload progress.
function send({ url, fields }, file, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append("file", file);
    const exchange = new XMLHttpRequest();
    exchange.open("POST", url);
    exchange.upload.addEventListener("progress", ({ loaded, total }) => onProgress((loaded / total) * 100));
    exchange.addEventListener("load", () => {
      if (exchange.status < 300) resolve();
      else reject(new RequestError(errorMessage(exchange), exchange.status));
    });
    exchange.addEventListener("error", () => reject(new RequestError("The connection was lost. Try again.", 0)));
    exchange.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    signal.addEventListener("abort", () => exchange.abort());
    exchange.send(body);
  });
}

function errorMessage(exchange) {
  const [, code] = /<Code>(\w+)<\/Code>/.exec(exchange.responseText) ?? [];
  if (code === "EntityTooLarge") return "The file is too large.";
  if (code === "EntityTooSmall") return "The file is empty.";
  return `The storage rejected the file (${code ?? exchange.status}). Try again.`;
}

async function filesOf(entry) {
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) {
    return new Promise((resolve) => entry.file((file) => resolve([file]), () => resolve([])));
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader returns the entries of a folder in batches, the last of which is empty.
    const batch = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!batch.length) return (await Promise.all(found.map(filesOf))).flat();
    found.push(...portion);
  }
}
