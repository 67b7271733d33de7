// Sends photos to the bucket: three at a time, each with a card that shows how far it is.

import { persist, request, RequestError } from "./api.js";
import { pictureType } from "./file_type.js";
import { fileSize } from "./format.js";

const AT_ONCE = 3;
const PREVIEW_PIXELS = 320;

/** Why a file cannot be uploaded, in a sentence for people; "" when it can. */
export async function objection(file, maxBytes) {
  if (file.size === 0) return `${file.name} is empty.`;
  try {
    if (!(await pictureType(file))) return `${file.name} does not hold a JPEG, PNG, WebP, GIF, AVIF or HEIC picture.`;
  } catch {
    return `${file.name} cannot be read. Check that it is still there, and choose it again.`;
  }
  if (file.size > maxBytes) {
    return `${file.name} has ${fileSize(file.size)}; at most ${maxBytes / 1024 ** 2} MB are accepted.`;
  }
  return "";
}

/** The files of a drop, those in folders included. */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(filesOf))).flat();
}

/** Uploads, in the order in which they were added. A file gets its card when its turn comes. */
export class Uploads {
  #waiting = [];
  #running = new Set();
  #failed = new Set();
  #done = 0;
  #template;
  #listeners;

  /**
   * `template` makes cards. The listeners: `onStart(card)`; `onKnown(card)` when the card's photo has its id;
   * `onDone(card, image)` when it is uploaded; `onChange({ waiting, running, done, failed })` with the numbers.
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

  /** Forget the files whose turn has not come. */
  cancelWaiting() {
    for (const upload of this.#waiting) upload.card?.remove();
    this.#waiting = [];
    this.#tell();
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
    this.#tell();
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
    const onTrouble = () => {
      part(card, ".frame-note").textContent = "Connection lost. Trying again…";
    };
    const onProgress = (percent) => {
      part(card, "progress").value = percent;
      part(card, ".frame-note").textContent = percent < 100 ? `${Math.round(percent)} %` : "Finishing";
    };
    try {
      if (!upload.sent) {
        const wanted = { filename: file.name, content_type: await pictureType(file), bytes: file.size };
        const form = await persist(() => request("POST", "/api/uploads", { body: wanted, signal }), { signal, onTrouble });
        upload.id = form.id;
        // The form may be used again: the same file arrives under the same key.
        await persist(() => send(form, file, signal, onProgress), { signal, onTrouble });
        upload.sent = true;
        card.dataset.id = upload.id; // from now on a function may make it known before we do
        this.#listeners.onKnown(card);
      }
      const image = await persist(() => request("PUT", `/api/images/${upload.id}`, { signal }), { signal, onTrouble });
      this.#done += 1;
      if (card.isConnected) this.#listeners.onDone(card, image);
    } catch (error) {
      if (!signal.aborted) this.#fail(upload, error.message);
    }
  }

  #fail(upload, message) {
    if (!upload.card.isConnected) return; // it was found in the catalogue meanwhile
    this.#failed.add(upload);
    mark(upload, "failed", "Not uploaded", message);
  }

  #cancel(upload) {
    upload.abort.abort();
    this.#failed.delete(upload);
    this.#waiting = this.#waiting.filter((other) => other !== upload);
    // Keyboards and screen readers go on at the neighbour.
    const neighbour = upload.card.nextElementSibling ?? upload.card.previousElementSibling;
    neighbour?.querySelector("a, button")?.focus();
    upload.card.remove();
    if (upload.sent) request("DELETE", `/api/images/${upload.id}`).catch(() => {}); // it stays in the gallery then
    this.#tell();
  }

  #tell() {
    const [waiting, running, failed] = [this.#waiting.length, this.#running.size, this.#failed.size];
    this.#listeners.onChange({ waiting, running, failed, done: this.#done });
    if (!waiting && !running) this.#done = 0;
  }
}

function mark({ card, file }, state, words, failure = "") {
  card.dataset.upload = state;
  part(card, ".frame-note").textContent = words;
  part(card, ".failure").textContent = failure;
  part(card, "progress").value = 0;
  const cancel = part(card, ".cancel");
  cancel.textContent = state === "failed" ? "Dismiss" : "Cancel";
  cancel.ariaLabel = `${cancel.textContent} ${file.name}`;
}

function part(card, selector) {
  return card.querySelector(selector);
}

// Drawn at the size of a card: a decoded photo takes 50 MB, this 400 KB.
async function preview(upload) {
  if (part(upload.card, ".preview")) return;
  let bitmap;
  try {
    bitmap = await createImageBitmap(upload.file, { resizeWidth: PREVIEW_PIXELS, resizeQuality: "medium" });
  } catch {
    return; // no picture, or of a kind that this browser does not know
  }
  const canvas = document.createElement("canvas");
  canvas.className = "preview";
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  // Small files are uploaded before they are drawn: then the photo has its own card already.
  const card = upload.card.isConnected
    ? upload.card
    : document.querySelector(`.card[data-id="${upload.id}"][data-thumbnail="pending"]`);
  card?.querySelector(".frame").prepend(canvas);
}

// XMLHttpRequest, because fetch does not tell how much was sent.
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
      else reject(new RequestError(refusal(exchange), exchange.status));
    });
    exchange.addEventListener("error", () => reject(new RequestError("The connection broke off. Try again.", 0)));
    exchange.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    signal.addEventListener("abort", () => exchange.abort());
    exchange.send(body);
  });
}

function refusal(exchange) {
  const [, code] = /<Code>(\w+)<\/Code>/.exec(exchange.responseText) ?? [];
  if (code === "EntityTooLarge") return "The file is too large.";
  if (code === "EntityTooSmall") return "The file is empty.";
  return `The storage refused the file (${code ?? exchange.status}). Try again.`;
}

async function filesOf(entry) {
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) {
    return new Promise((resolve) => entry.file((file) => resolve([file]), () => resolve([])));
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader hands out a folder in portions, the last of which is empty.
    const portion = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!portion.length) return (await Promise.all(found.map(filesOf))).flat();
    found.push(...portion);
  }
}
