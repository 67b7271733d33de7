// Shows a photo in the elements of templates/photo.html, on a card or on its own page.

import { request } from "./api.js";
import { failedToLoad, loadPicture } from "./picture_loader.js";
import { isPaused } from "./pause.js";
import { absoluteTime, modelLabel, relativeTime, tagQuery, waitingText } from "./format.js";

const STUCK_MS = 60_000;

/** Update an element with a photo. Returns whether its state or caption changed. */
export function show(root, image) {
  const { thumbnail, annotation } = image;
  const before = fingerprint(root);
  root.dataset.id = image.id;
  root.dataset.thumbnail = thumbnail.status;
  root.dataset.annotation = annotation.status;
  root.toggleAttribute("data-edited", annotation.edited);
  root.toggleAttribute("data-queued", annotation.queued);
  root.toggleAttribute("data-reannotation", annotation.reannotation !== null);

  const photo = root.querySelector(".photo");
  const alt = annotation.alt_text || image.filename;
  if (photo.alt !== alt) photo.alt = alt;
  if (annotation.language) photo.lang = annotation.language;
  loadPicture(root, image);
  write(root, ".frame-note", thumbnail.status === "failed" ? `${image.filename}: ${thumbnail.reason}` : `Preparing ${image.filename}`);
  write(root, ".caption", isUnrecognized(annotation) ? "" : annotation.caption, annotation.language);
  root.querySelector(".unrecognized").hidden = !isUnrecognized(annotation);
  root.querySelector(".edit").hidden = annotation.status !== "failed";
  for (const link of root.querySelectorAll(".write")) link.href = `/images/${image.id}/edit`;
  write(root, ".unrecognized .visually-hidden", ` for ${image.filename}`);
  write(root, ".edit .visually-hidden", `: ${image.filename}`);
  write(root, ".waiting", waitingText(annotation, isPaused()));
  write(root, ".failure", annotation.reason === thumbnail.reason ? "" : annotation.reason);
  write(root, ".source", modelLabel(annotation.model));
  write(root, ".retry .visually-hidden", `: ${image.filename}`);
  showTags(root.querySelector(".tags"), annotation);
  root.querySelector("time").dateTime = image.uploaded_at;
  showTime(root);
  return fingerprint(root) !== before;
}

/** Whether the caption only describes colours, so that it is no headline. */
export function isUnrecognized({ caption, recognized, caption_edited: isEdited }) {
  return Boolean(caption) && !recognized && !isEdited;
}

/** Whether to poll a photo: it waits for a function, or its picture failed to load. */
export function isUnsettled(root) {
  return isPending(root) || "reannotation" in root.dataset || failedToLoad(root);
}

function isPending(root) {
  return root.dataset.thumbnail === "pending" || root.dataset.annotation === "pending";
}

/** Show how long ago a photo was uploaded, and offer a retry if it has been pending for long. */
export function showTime(root) {
  const time = root.querySelector("time");
  const text = relativeTime(time.dateTime);
  if (time.textContent !== text) time.textContent = text;
  time.title = absoluteTime(time.dateTime);
  const since = Math.max(Date.parse(time.dateTime), Number(root.dataset.retried ?? 0));
  root.toggleAttribute("data-stuck", isPending(root) && !("queued" in root.dataset) && Date.now() - since > STUCK_MS);
}

/** Process again the parts of a photo that are not ready. */
export async function retry(root) {
  const button = root.querySelector(".retry");
  button.disabled = true;
  try {
    const image = await request("POST", `/api/images/${root.dataset.id}/retry`);
    root.dataset.retried = Date.now();
    show(root, image);
  } finally {
    button.disabled = false;
  }
}

/** Set the text of an element, if it exists and the text differs. */
export function write(root, selector, text, language) {
  const element = root.querySelector(selector);
  if (!element) return;
  if (element.textContent !== (text ?? "")) element.textContent = text ?? "";
  if (language) element.lang = language;
}

function showTags(list, { tags, language }) {
  if (language) list.lang = language;
  const shown = [...list.children].map((item) => item.textContent);
  if (JSON.stringify(shown) === JSON.stringify(tags)) return;
  list.replaceChildren(
    ...tags.map((tag) => {
      const link = document.createElement("a");
      link.href = `/?${new URLSearchParams({ q: tagQuery(tag) })}`;
      link.dir = "auto";
      link.textContent = tag;
      const item = document.createElement("li");
      item.append(link);
      return item;
    }),
  );
}

function fingerprint(root) {
  const { thumbnail, annotation } = root.dataset;
  const texts = [".caption", ".waiting"].map((selector) => root.querySelector(selector)?.textContent);
  return [thumbnail, annotation, ...texts].join("\n");
}
