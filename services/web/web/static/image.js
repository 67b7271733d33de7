// The page of one photo: it stays up to date, its words can be edited, and it can be deleted.

import { get, request } from "./api.js";
import { keepLooking } from "./live.js";
import { isPending, retry, show, showTime, write } from "./photo.js";
import { modelLabel } from "./words.js";

const root = document.querySelector(".single");
const path = `/api/images/${root.dataset.id}`;
const status = document.querySelector("#status");
const editor = document.querySelector("#editor");
const edit = document.querySelector("#edit");
const confirmation = document.querySelector("#confirm");
const really = document.querySelector("#really");

let image = null;

function showAll(latest) {
  image = latest;
  const { annotation } = image;
  const changed = show(root, image);
  write(root, ".alt-text", annotation.alt_text, annotation.language);
  write(root, ".content-type", image.content_type);
  write(root, ".dimensions", image.width ? `${image.width} × ${image.height}` : "");
  write(root, ".model", modelLabel(annotation.model));
  write(root, ".prompt", annotation.prompt_version);
  write(root, ".language", annotation.language);
  const { input_tokens: read, output_tokens: written } = annotation;
  write(root, ".tokens", read === null ? "" : `${read} in, ${written ?? 0} out`);
  return changed;
}

async function look() {
  if (really.disabled) return "waiting"; // about to be deleted
  const changed = showAll(await get(path));
  if (!isPending(root)) return "stop";
  return changed ? "changed" : "waiting";
}

const soon = keepLooking(look);
setInterval(() => document.hidden || showTime(root), 10_000);
showTime(root);

root.querySelector(".retry").addEventListener("click", async () => {
  try {
    await retry(root);
    soon();
  } catch (error) {
    status.textContent = error.message;
  }
});

// ---- Words

function tagList(text) {
  return text.split(",").map((tag) => tag.trim()).filter(Boolean);
}

function openEditor(open) {
  editor.hidden = !open;
  edit.ariaExpanded = String(open);
  editor.querySelector(".failure").textContent = "";
  (open ? editor.elements.caption : edit).focus();
}

edit.addEventListener("click", async () => {
  if (!editor.hidden) return openEditor(false);
  try {
    image ??= await get(path);
  } catch (error) {
    status.textContent = error.message;
    return undefined;
  }
  editor.elements.caption.value = image.annotation.caption ?? "";
  editor.elements.alt_text.value = image.annotation.alt_text ?? "";
  editor.elements.tags.value = image.annotation.tags.join(", ");
  return openEditor(true);
});

document.querySelector("#cancel").addEventListener("click", () => openEditor(false));

editor.addEventListener("keydown", (event) => {
  if (event.key === "Escape") openEditor(false);
});

editor.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { caption, alt_text: altText, tags } = editor.elements;
  const change = {};
  if (caption.value !== (image.annotation.caption ?? "")) change.caption = caption.value;
  if (altText.value !== (image.annotation.alt_text ?? "")) change.alt_text = altText.value;
  if (tags.value !== image.annotation.tags.join(", ")) change.tags = tagList(tags.value);
  if (!Object.keys(change).length) return openEditor(false);
  try {
    showAll(await request("PATCH", path, { body: change }));
    status.textContent = "Saved";
    return openEditor(false);
  } catch (error) {
    editor.querySelector(".failure").textContent = error.message;
    return undefined;
  }
});

// ---- Deletion

document.querySelector("#delete").addEventListener("click", () => confirmation.showModal());
document.querySelector("#keep").addEventListener("click", () => confirmation.close());
really.addEventListener("click", async () => {
  really.disabled = true;
  try {
    await request("DELETE", path);
    location.replace("/");
  } catch (error) {
    confirmation.querySelector(".failure").textContent = error.message;
    really.disabled = false;
  }
});
